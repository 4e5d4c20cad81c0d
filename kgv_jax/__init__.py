"""Image classifiers guided by a knowledge graph and by pictures of its elements."""

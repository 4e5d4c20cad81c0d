"""Image classifiers guided by a knowledge graph and by images of its elements."""

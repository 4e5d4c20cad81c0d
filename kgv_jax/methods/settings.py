"""Settings that several methods share: which synthetic images they see, initial node vectors, a last stage."""

from __future__ import annotations

# The synthetic images of a method. The comparison is between methods that see the same ones.
NO_IMAGES = {"synthetic.elements": False, "synthetic.compositions": False, "synthetic.labelled": False}
ELEMENTS = NO_IMAGES | {"synthetic.elements": True}
COMPOSED = NO_IMAGES | {"synthetic.elements": True, "synthetic.compositions": True}
LABELLED = COMPOSED | {"synthetic.labelled": True}

# Nodes begin at a published embedding. TransH's scores of all nodes are products: seconds on graphs of some thousand
# triples.
EMBEDDED = {"kg.vectors": "transh"}

# The last stage of methods that learn a representation first: cross-entropy trains a linear head on it.
LINEAR_HEAD = "head 0.3 terms=ce freeze=encoder/.*,projection/.*"

"""Image classifiers guided by a knowledge graph and by images of its elements."""

from importlib import metadata as _metadata

try:
    __version__ = _metadata.version("kgv-jax")
except _metadata.PackageNotFoundError:  # a copy of the sources that was never installed
    __version__ = "unknown"

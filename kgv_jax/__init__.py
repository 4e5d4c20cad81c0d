"""Image classifiers guided by a knowledge graph and by synthetic images of its elements (KGV, arXiv 2410.15981)."""


def __getattr__(name: str) -> str:
    """Returns `__version__`; read when asked for, because looking it up costs a tenth of a second."""
    if name == "__version__":
        from importlib import metadata

        try:
            return metadata.version("kgv-jax")
        except metadata.PackageNotFoundError:  # a clone that is not installed
            return "0+unknown"
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

"""The table of data sets. One file per source of images, which states its entry in `SOURCES` of its own.

To add a data set, add a file here with `SOURCES = {NAME: Source(load=..., settings=...)}`; nothing else lists them.
"""

from kgv_jax.data.sources.source import Source
from kgv_jax.util.registry import Registry

SOURCES: Registry[Source] = Registry("data set", package=__name__, attribute="SOURCES")

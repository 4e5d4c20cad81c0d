"""Data sets that are fetched or converted once, before a run: `kgv prepare WHAT`."""

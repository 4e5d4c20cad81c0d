"""Data sets that are fetched or converted once, before a run: `python -m kgv_jax.data.prepare WHAT`."""

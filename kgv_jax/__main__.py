"""`python -m kgv_jax COMMAND ...` is `kgv COMMAND ...`."""

import sys

from kgv_jax.cli import main

if __name__ == "__main__":
    sys.exit(main())

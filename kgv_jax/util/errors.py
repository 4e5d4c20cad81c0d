"""The one exception for mistakes that a user can fix."""

import contextlib
import difflib
from collections.abc import Iterable, Iterator


class UserError(ValueError):
    """A mistake in a config, a file or a folder.

    Its message names the value found, what was expected, and the next step; command
    lines print it without a traceback.
    """


def nearest(name: str, known: Iterable[str], *, count: int = 3) -> str:
    """Returns ", did you mean ...?" with the known names closest to `name`, or ""."""
    matches = difflib.get_close_matches(name, list(known), n=count, cutoff=0.5)
    return f", did you mean {' or '.join(map(repr, matches))}?" if matches else ""


@contextlib.contextmanager
def needs_extra(extra: str, *, what: str) -> Iterator[None]:
    """Around an import of a package that one module alone needs and a plain installation leaves out.

    Args:
      extra: of pyproject.toml, which installs the package.
      what: what it is needed for, as the beginning of a sentence.

    Raises:
      UserError: the package is not installed.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        raise UserError(
            f"{what}: the package {error.name} is not installed. Install it: pip install 'kgv-jax[{extra}]'."
        ) from error

"""The one exception for mistakes that a user can fix."""

import difflib
from collections.abc import Iterable


class UserError(ValueError):
    """A mistake in a config, a file or a folder.

    Its message names the value found, what was expected, and the next step; command
    lines print it without a traceback.
    """


def nearest(name: str, known: Iterable[str], *, count: int = 3) -> str:
    """Returns ", did you mean ...?" with the known names closest to `name`, or ""."""
    matches = difflib.get_close_matches(name, list(known), n=count, cutoff=0.5)
    return f", did you mean {' or '.join(map(repr, matches))}?" if matches else ""

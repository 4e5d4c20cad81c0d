"""Lists as text: names separated by commas, as settings and flags write them."""

from __future__ import annotations


def split_names(names: str) -> tuple[str, ...]:
    """Returns the names of a comma-separated list, without the empty ones.

    >>> split_names("cn, ru,")
    ('cn', 'ru')
    """
    return tuple(name.strip() for name in names.split(",") if name.strip())

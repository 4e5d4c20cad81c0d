"""Lists as text: names with commas between them, as flags and configs write them."""

from __future__ import annotations


def split_names(names: str, separator: str = ",") -> tuple[str, ...]:
    """Returns the names of a list that is written as text, without the empty ones.

    >>> split_names("cn, ru,")
    ('cn', 'ru')
    >>> split_names("a photo of a {}| a {}, seen from above", "|")
    ('a photo of a {}', 'a {}, seen from above')
    """
    return tuple(name.strip() for name in names.split(separator) if name.strip())

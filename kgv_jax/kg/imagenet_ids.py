"""Lists of ImageNet ids (`n02084071`): those that ship, and anyone's own."""

from __future__ import annotations

import gzip
import importlib.resources
import os
import pathlib
import re
from collections.abc import Iterator

from kgv_jax.util.errors import UserError, nearest

LISTS = ("mini", "tiny", "1k", "22k")  # sources and licences: imagenet/README.md

_ID = re.compile(r"n\d{8}(?!\S)")


def read_ids(ids: str | os.PathLike[str]) -> tuple[str, ...]:
    """Returns the ids of `mini`, `tiny`, `1k` (in the order of its labels) or `22k`, or those of a text file.

    In a file the id is the first word of a line, so `LOC_synset_mapping.txt` of ILSVRC 2012 and `words.txt` of WordNet
    can be read as they are. Empty lines and lines that start with `#` are left out.

    Raises:
      UserError: there is no such list, or a line does not start with an id, or repeats one.
    """
    if ids in LISTS:
        source, text = f"the list {ids}", _packed(f"{ids}.txt.gz")
    else:
        source, text = os.fspath(ids), _read(pathlib.Path(ids))
    first_line: dict[str, int] = {}
    for number, line in _lines(text):
        if not _ID.match(line):
            raise UserError(
                f"{source}: line {number} is {line[:60]!r}; expected an ImageNet id first, such as n02084071."
            )
        if line[:9] in first_line:
            raise UserError(
                f"{source}: line {number} repeats {line[:9]} of line {first_line[line[:9]]}; take one of them out."
            )
        first_line[line[:9]] = number
    if not first_line:
        raise UserError(f"{source} holds no id; expected one per line, such as n02084071.")
    return tuple(first_line)


def read_descriptions() -> dict[str, str]:
    """Returns id -> what images of the class show, in words, for 975 classes of ImageNet-1k."""
    rows = (line.partition("\t") for _, line in _lines(_packed("descriptions.txt.gz")))
    return {name: text for name, _, text in rows}


def _lines(text: str) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(text.splitlines(), start=1):
        if line.strip() and not line.startswith("#"):
            yield number, line


def _packed(name: str) -> str:
    path = importlib.resources.files("kgv_jax.kg").joinpath("imagenet", name)
    return gzip.decompress(path.read_bytes()).decode()


def _read(path: pathlib.Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise UserError(
            f"{path}: no such list of ids{nearest(str(path), LISTS)}; expected {', '.join(LISTS)} or a text file."
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: the list of ids cannot be read ({error}); expected UTF-8, one id a line.") from error

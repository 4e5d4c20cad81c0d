"""Classes and their attributes as a graph: `kgv build-graph attributes ROOT --out=FILE.ttl`.

ROOT is the folder of a zero-shot benchmark with `att_splits.mat` (`kg/attribute_splits.py`). A class has an attribute
whose value is above the attribute's mean over all classes; a class that would have none has its largest. Attributes
have no names in that file: `--names=FILE` reads them, one a line, as `predicates.txt` of AwA2 has them.
"""

from __future__ import annotations

import pathlib
from collections.abc import Sequence

import numpy as np

from kgv_jax.kg.attribute_splits import AttributeSplits
from kgv_jax.kg.graph import Graph
from kgv_jax.kg.turtle import VOCAB
from kgv_jax.util.errors import UserError

SPACE = "https://kgv-jax.github.io/attributes#"


def binarise(attributes: np.ndarray) -> np.ndarray:
    """Returns `[C, A]` bool: values above the attribute's mean over the classes, at least one per class."""
    above = attributes > attributes.mean(0)
    bare = ~above.any(1)
    relative = attributes - attributes.mean(0)
    above[bare, relative[bare].argmax(1)] = True
    return above


def attribute_graph(splits: AttributeSplits, names: Sequence[str] = ()) -> Graph:
    """Returns the graph: `class hasAttribute attribute`, labels as published.

    Raises:
      UserError: another number of names than of attributes.
    """
    count = splits.attributes.shape[1]
    if names and len(names) != count:
        raise UserError(f"--names has {len(names)} lines; expected one for each of the {count} attributes.")
    classes = [f"{SPACE}class-{k + 1:03d}" for k in range(len(splits.classes))]
    attributes = [f"{SPACE}attribute-{k + 1:03d}" for k in range(count)]
    has = np.argwhere(binarise(splits.attributes)).tolist()
    return Graph.from_triples(
        [(classes[c], VOCAB + "hasAttribute", attributes[a]) for c, a in has],
        labels=dict(zip(classes, splits.classes, strict=True)) | dict(zip(attributes, names, strict=False)),
        types=dict.fromkeys(classes, "Class") | dict.fromkeys(attributes, "Attribute"),
    )


def read_names(path: str) -> list[str]:
    """Returns the names of attributes, one a line; a number before a name is left out."""
    try:
        lines = pathlib.Path(path).read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"--names={path} cannot be read ({error}); expected a text file with a name a line.") from error
    words = [line.split() for line in lines if line.strip()]
    return [" ".join(line[1:] if len(line) > 1 and line[0].isdecimal() else line) for line in words]

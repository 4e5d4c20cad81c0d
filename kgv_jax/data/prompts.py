"""`kgv prepare prompts --graph=FILE --out=DIR`: prompts for a text-to-image model, of the nodes of a graph.

Writes `DIR/manifest.csv` (image, node, prompt, seed) with the images that are to be made, and `DIR/prompts.txt` with
one prompt per line in the same order. Once the images exist, a run reads them with `config.synthetic.manifest=DIR`.
"""

from __future__ import annotations

import csv
import os
import pathlib
import re
from collections.abc import Collection, Iterator, Sequence
from typing import NamedTuple

from kgv_jax.data.synthetic_manifest import NAME
from kgv_jax.kg.graph import Graph
from kgv_jax.kg.names import local_name
from kgv_jax.util.errors import UserError, nearest

TEMPLATES = (
    "a photo of a {label}",
    "a close-up photo of a {label}",
    "a drawing of a {label}",
    "a {label} on a plain background",
)


class Prompt(NamedTuple):
    """One image to make."""

    image: str
    node: str
    prompt: str
    seed: int


def make_prompts(
    graph: Graph, *, templates: Sequence[str] = TEMPLATES, types: Collection[str] = (), per_prompt: int = 1
) -> Iterator[Prompt]:
    """Yields a prompt for every node and template; seeds count from 0, so that no two images are alike.

    Args:
      graph: prompts name the label of a node, and its attribute `description` where it has one.
      templates: each has `{label}`, and `{description}` unless the description is to be appended.
      types: types of the nodes; empty means every node that has a type.
      per_prompt: images per prompt.

    Raises:
      UserError: a template without `{label}`, or a type that no node has.
    """
    known = {kind for kind in graph.types if kind}
    if unknown := sorted(set(types) - known):
        raise UserError(
            f"No node has the type {unknown[0]!r}{nearest(unknown[0], known)}; expected one of "
            f"{', '.join(sorted(known))}."
        )
    if wrong := [template for template in templates if "{label}" not in template]:
        raise UserError(f"The template {wrong[0]!r} has no {{label}}; expected one such as {TEMPLATES[0]!r}.")
    wanted = [node for node, kind in enumerate(graph.types) if kind in (types or known)]
    if not wanted:
        raise UserError("No node of the graph has a type. Give nodes an rdf:type, such as Class.")
    seed = 0
    folders: set[str] = set()
    for node in wanted:
        folder = re.sub(r"[^\w.-]+", "_", local_name(graph.nodes[node])).strip(".") or "node"
        folder = f"{folder}-{node}" if folder in folders else folder
        folders.add(folder)
        for position, template in enumerate(templates):
            prompt = _filled(template, graph.labels[node], graph.attributes.get(node, {}).get("description", ""))
            for number in range(per_prompt):
                yield Prompt(f"{folder}/{position}-{number}.png", graph.nodes[node], prompt, seed)
                seed += 1


def write_prompts(prompts: Sequence[Prompt], folder: str | os.PathLike) -> None:
    """Writes `manifest.csv` and `prompts.txt`; raises a UserError if there is a manifest already."""
    folder = pathlib.Path(folder)
    if (folder / NAME).exists():
        raise UserError(f"{folder / NAME} exists already. Name another folder, or remove it.")
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / NAME, "w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([Prompt._fields, *prompts])
    (folder / "prompts.txt").write_text("".join(f"{prompt.prompt}\n" for prompt in prompts), encoding="utf-8")


def _filled(template: str, label: str, description: str) -> str:
    if description and "{description}" not in template:
        template += ", {description}"
    if label[:1].lower() in tuple("aeiou"):
        template = re.sub(r"\ba(?= \{label\})", "an", template)
    values = {"{label}": label.replace("_", " "), "{description}": description}
    # In one pass: a label may hold braces.
    text = re.sub("|".join(map(re.escape, values)), lambda match: values[match[0]], template)
    return " ".join(text.split()).rstrip(", ")

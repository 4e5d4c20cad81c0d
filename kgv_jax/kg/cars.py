"""Cars of DVM-CAR as a graph: `kgv build-graph cars ROOT --out=cars.ttl --shift=colour --domains=black,red`.

Tables of the set (Huang et al., IEEE Big Data 2022, arXiv 2109.00881; https://deepvisualmarketing.github.io), whose
headers have a space after each comma:
  Basic_table.csv  Automaker, Automaker_ID, Genmodel, Genmodel_ID: brands and models
  Ad_table.csv     Maker, Genmodel, Genmodel_ID, Adv_ID, ..., Color, Reg_year, Bodytype, ...: adverts of used cars
  Image_table.csv  Genmodel_ID, Image_ID, Image_name, Predicted_viewpoint, Quality_check: images, read by
                   `data/sources/cars.py`

A model is a Class, below its brand. Of the adverts come its body types, colours and decades: each that a tenth or more
of its adverts have. What decides a domain stands at Variants, one for every model and domain.
"""

from __future__ import annotations

import collections
import dataclasses
import os
import pathlib
import re
from collections.abc import Mapping, Sequence

from kgv_jax.kg.graph import Graph
from kgv_jax.kg.turtle import VOCAB
from kgv_jax.util.errors import UserError, nearest
from kgv_jax.util.tables import find, read_table, require_folder

SPACE = "https://kgv-jax.github.io/cars#"
SHIFTS: Mapping[str, tuple[str, str]] = {  # shift -> its relation, and how nodes of its values begin
    "colour": ("hasColour", "colour"),
    "viewpoint": ("hasViewpoint", "viewpoint"),
    "year": ("registeredIn", "year"),
}
VIEWPOINTS = tuple(str(angle) for angle in range(0, 360, 45))  # degrees about the car; 0 is its front
SHARE = 0.1  # of a model's adverts: what a fact of the model needs

_EXPECTED = "Basic_table.csv, Ad_table.csv, Image_table.csv and the folder resized_DVM"
_ADVERTS = ("Ad_table.csv", "Adv_table.csv", "Ad_table (extra).csv")


@dataclasses.dataclass(frozen=True)
class Model:
    """A model of a brand, as `Basic_table.csv` names it; `name` is the local name of its node."""

    brand: str
    title: str

    @property
    def name(self) -> str:
        """Returns brand and model as one word: the class."""
        return slug(f"{self.brand} {self.title}")


def slug(text: str) -> str:
    """Returns a text as a local name: `Mercedes-Benz C Class` -> `mercedes-benz-c-class`."""
    return "-".join(re.findall(r"[^\W_]+", text.casefold()))


def values_of(shift: str, domain: str) -> frozenset[str]:
    """Returns the values that a domain has: `black+silver`, `0+45+315`, `2005`, `2000-2009+2015`.

    Raises:
      UserError: an unknown shift, or a domain that is not written like this.
    """
    if shift not in SHIFTS:
        raise UserError(f"config.data.shift is {shift!r}{nearest(shift, SHIFTS)}; expected one of {', '.join(SHIFTS)}.")
    parts = [part.strip().lower() for part in domain.split("+")]
    if shift == "year":
        years: set[str] = set()
        for part in parts:
            if (match := re.fullmatch(r"(\d{4})(?:-(\d{4}))?", part)) is None or (match[2] or part) < match[1]:
                raise UserError(f"the domain {domain!r} is no year; expected such as 2005 or 2000-2009+2015.")
            years.update(map(str, range(int(match[1]), int(match[2] or match[1]) + 1)))
        return frozenset(years)
    if shift == "viewpoint" and (unknown := [part for part in parts if part not in VIEWPOINTS]):
        raise UserError(f"the domain {domain!r}: {unknown[0]!r} is no viewpoint; expected {', '.join(VIEWPOINTS)}.")
    if not all(map(str.strip, parts)):
        raise UserError(f"the domain {domain!r} has an empty part; expected colours such as black+silver.")
    return frozenset(parts)


def read_models(root: pathlib.Path) -> dict[str, Model]:
    """Returns Genmodel_ID -> model, of `Basic_table.csv`."""
    rows = read_table(find_table(root, "Basic_table.csv"), ("Automaker", "Genmodel", "Genmodel_ID"))
    return {row.cells["Genmodel_ID"]: Model(row.cells["Automaker"], row.cells["Genmodel"]) for row in rows}


def find_table(root: pathlib.Path, *names: str) -> pathlib.Path:
    """Returns the first table that is there, in the root or up to two folders below."""
    for name in names:
        if (table := find(root, name)) is not None:
            return table
    raise UserError(f"{root}: no {' or '.join(names)}, neither there nor in its folders; expected {_EXPECTED}."
                    " Unpack the tables of DVM-CAR there.")  # fmt: skip


def make_graph(root: str | os.PathLike, *, shift: str = "", domains: Sequence[str] = ()) -> Graph:
    """Returns the graph of the tables; variants are made for the domains of a shift.

    Raises:
      UserError: a table is missing or broken, names an unknown model, or a domain is no domain of the shift.
    """
    root = require_folder(root, _EXPECTED)
    models = read_models(root)
    graph = _Builder()
    graph.add("car", kind="Category", label="car")
    for model in models.values():
        brand = graph.add(f"brand-{slug(model.brand)}", kind="Brand", label=model.brand, below="car")
        graph.add(model.name, kind="Class", label=f"{model.brand} {model.title}", below=brand)
    for relation, counts in _facts(root, models).items():
        for name, found in counts.items():
            for node, count in found.items():
                if count >= SHARE * found.total():
                    graph.link(name, relation, graph.add(node, kind=node.partition("-")[0].title()))
    if domains:
        _add_variants(graph, {model.name for model in models.values()}, shift, domains)
    return graph.build()


def _facts(root: pathlib.Path, models: Mapping[str, Model]) -> dict[str, dict[str, collections.Counter[str]]]:
    """Returns relation -> model -> how many of its adverts state each node."""
    relations = ("hasBodyType", "hasColour", "soldIn")
    facts = {relation: collections.defaultdict(collections.Counter) for relation in relations}
    for row in read_table(find_table(root, *_ADVERTS), ("Genmodel_ID", "Color", "Reg_year", "Bodytype")):
        cells = row.cells
        if cells["Genmodel_ID"] not in models:
            raise row.error(f"Genmodel_ID is {cells['Genmodel_ID']!r}, which Basic_table.csv does not have")
        name, year = models[cells["Genmodel_ID"]].name, cells["Reg_year"].removesuffix(".0")
        if cells["Bodytype"]:
            facts["hasBodyType"][name][f"body-{slug(cells['Bodytype'])}"] += 1
        if cells["Color"]:
            facts["hasColour"][name][f"colour-{slug(cells['Color'])}"] += 1
        if re.fullmatch(r"\d{4}", year):
            facts["soldIn"][name][f"decade-{year[:3]}0"] += 1
    return facts


def _add_variants(graph: _Builder, classes: set[str], shift: str, domains: Sequence[str]) -> None:
    values = {domain: sorted(values_of(shift, domain)) for domain in domains}
    relation, kind = SHIFTS[shift]
    for domain, own in values.items():
        graph.add(domain, kind="Style", label=domain)
        for value in own:
            node = graph.add(f"{kind}-{slug(value)}", kind=kind.title())
            if shift == "year":
                graph.link(node, "broader", graph.add(f"decade-{value[:3]}0", kind="Decade"))
            if shift == "viewpoint":
                beside = VIEWPOINTS[(VIEWPOINTS.index(value) + 1) % len(VIEWPOINTS)]
                graph.link(node, "nextTo", graph.add(f"{kind}-{beside}", kind=kind.title()))
        for name in classes:
            variant = graph.add(f"{name}.{domain}", kind="Variant")
            graph.link(variant, "variantOf", name)
            graph.link(variant, "usedIn", domain)
            for value in own:
                graph.link(variant, relation, f"{kind}-{slug(value)}")


class _Builder:
    """Nodes by local name, as they come up."""

    def __init__(self) -> None:
        self.kinds: dict[str, str] = {}
        self.labels: dict[str, str] = {}
        self.triples: set[tuple[str, str, str]] = set()

    def add(self, name: str, *, kind: str, label: str = "", below: str = "") -> str:
        self.kinds.setdefault(name, kind)
        if label:
            self.labels.setdefault(name, label)
        if below:
            self.link(name, "broader", below)
        return name

    def link(self, head: str, relation: str, tail: str) -> None:
        self.triples.add((SPACE + head, VOCAB + relation, SPACE + tail))

    def build(self) -> Graph:
        return Graph.from_triples(
            self.triples,
            types={SPACE + name: kind for name, kind in self.kinds.items()},
            labels={SPACE + name: label for name, label in self.labels.items()},
        )

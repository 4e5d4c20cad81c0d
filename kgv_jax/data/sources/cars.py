"""DVM-CAR: recognise the model of a used car; colours, viewpoints or years differ between the domains.

Images lie as the set's archives unpack them (https://deepvisualmarketing.github.io; tables in `kg/cars.py`):

    resized_DVM/<brand>/<model>/<year>/<colour>/Bentley$$Arnage$$2003$$Silver$$10_1$$21$$image_0.jpg

A file's name has brand, model, year of registration, colour, Genmodel_ID, number of the advert, and image;
`Image_table.csv` adds a predicted viewpoint in degrees (0 is the front) and, for fronts, a check of quality (P or N).
"""

from __future__ import annotations

import collections
import dataclasses
import functools
import os
import pathlib
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from kgv_jax.data.boxed import split_groups
from kgv_jax.data.records import Records, read_files
from kgv_jax.data.sources.source import FOLDER, Source
from kgv_jax.data.types import Dataset
from kgv_jax.kg.cars import Model, find_table, read_models, values_of
from kgv_jax.util.errors import UserError
from kgv_jax.util.tables import Row, find, read_table, require_folder

_FOLDERS = ("resized_DVM", "resized_DVM_clean")
_COLUMNS = ("Image_name", "Predicted_viewpoint", "Quality_check")
_TRAIN, _VALIDATION, _TEST = range(3)


@dataclasses.dataclass(frozen=True, slots=True)
class _Photograph:
    """An image: its path below the folder, class, value of the shift, and the advert (one car) that it is from."""

    path: str
    label: str
    value: str
    advert: str


def load(
    root: str | os.PathLike,
    *,
    source: str,
    targets: Sequence[str],
    shift: str = "colour",
    validation_fraction: float = 0.1,
    seed: int = 0,
) -> Dataset:
    """Lists the images; none is read yet.

    The source's adverts are split, model by model: a `validation_fraction` each for validation and for the source's own
    test domain. Images of one advert, which is one car, are on one side, so that under a shift of viewpoint the
    targets show no car that is trained on.

    Args:
      root: folder that holds the tables and `resized_DVM`.
      source: domain to learn from, such as `black+silver`, `0+45+315` or `2000-2009`; see `kg.cars.values_of`.
      targets: domains to test on, written alike.
      shift: what they differ in: `colour`, `viewpoint` or `year`.
      validation_fraction: between 0 and 0.5.
      seed: of the split.

    Raises:
      UserError: a domain is none, or shares a value with the source; a table or the images are missing or broken.
    """
    values = _domains(shift, source, targets)
    if not 0 < validation_fraction < 0.5:
        raise UserError(f"config.data.validation_fraction is {validation_fraction}; expected more than 0 and less than"
                        " 0.5, such as 0.1.")  # fmt: skip
    root = require_folder(root, "Image_table.csv, Basic_table.csv and resized_DVM")
    folder = next((path for name in _FOLDERS if (path := find(root, f"{name}/{name}") or find(root, name))), None)
    if folder is None:
        raise UserError(f"{root}: no folder resized_DVM, neither there nor in its folders; unpack the images there.")
    notes: list[str] = []
    found = list(_photographs(root, folder, shift, frozenset().union(*values.values()), notes))
    home = [photograph for photograph in found if photograph.value in values[source]]
    if not home:
        raise UserError(f"{folder}: no image of the source {source!r} ({shift}); name another config.data.source, or"
                        " unpack the set again.")  # fmt: skip
    held = split_groups([p.label for p in home], [p.advert for p in home], validation_fraction, parts=2, seed=seed)
    part_of = {photograph.advert: int(part) for photograph, part in zip(home, held, strict=True)}
    part = np.array([part_of.get(photograph.advert, _TEST) for photograph in found], np.int8)
    classes = tuple(sorted({photograph.label for photograph in home}))
    index = {name: number for number, name in enumerate(classes)}
    label = np.array([index.get(p.label, -1) for p in found], np.int32)
    names = np.array([p.path.encode() for p in found])

    def records(domain: str, kept: np.ndarray) -> Records:
        rows = np.flatnonzero(kept & (label >= 0))
        read = functools.partial(read_files, folder, names[rows])
        return Records(domain, classes, label[rows], names[rows], read, crop_share=1.0)

    def shown(domain: str) -> np.ndarray:
        return np.array([photograph.value in values[domain] for photograph in found], bool)

    domains = {name: records(name, shown(name) & (part == _TEST)) for name in (source, *targets)}
    for name in targets:
        if not len(domains[name]):
            raise UserError(f"{folder}: no image of the target {name!r} ({shift}) of a model that {source!r} has;"
                            " name other config.data.targets, or unpack the set again.")  # fmt: skip
        notes.append(f"{name}: tested on {len(np.unique(domains[name].labels))} of {len(classes)} models.")
    return Dataset(
        classes=classes,
        train=records(source, shown(source) & (part == _TRAIN)),
        validation=records(source, shown(source) & (part == _VALIDATION)),
        domains=domains,
        source=source,
        render_views=False,
        fixed_split=True,
        notes=tuple(notes),
    )


def _domains(shift: str, source: str, targets: Sequence[str]) -> dict[str, frozenset[str]]:
    if not targets or len({source, *targets}) != 1 + len(targets):
        raise UserError(f"config.data.source is {source!r} and config.data.targets {','.join(targets)!r}; name one"
                        " target or more, and each domain once.")  # fmt: skip
    values = {name: values_of(shift, name) for name in (source, *targets)}
    for name in targets:
        if both := sorted(values[name] & values[source]):
            raise UserError(f"config.data.targets has {name!r}, which shares {both[0]} with the source {source!r}; a"
                            " target must differ from it.")  # fmt: skip
    return values


def _photographs(
    root: pathlib.Path, folder: pathlib.Path, shift: str, wanted: frozenset[str], notes: list[str]
) -> Iterator[_Photograph]:
    """Yields the images of the wanted values that pass the check of quality and are there."""
    models = read_models(root)
    table = find_table(root, "Image_table.csv")
    listed: dict[str, frozenset[str]] = {}
    left_out: collections.Counter[str] = collections.Counter()
    absent = ""
    count = 0
    for row in read_table(table, _COLUMNS):
        photograph = _read(row, models, shift)
        if photograph.value not in wanted:
            continue
        if row.cells["Quality_check"] == "N":
            left_out["did not pass the check of quality"] += 1
        elif (path := _present(folder, photograph.path, listed)) is None:
            left_out["are absent"] += 1
            absent = absent or str(folder / photograph.path)
        else:
            count += 1
            yield dataclasses.replace(photograph, path=path)
    if not count:
        first = f"; the first of {left_out['are absent']} absent ones is {absent}" if absent else ""
        raise UserError(f"{folder}: there is none of the images that {table} names for {', '.join(sorted(wanted))}"
                        f" ({shift}){first}. Unpack resized_DVM again, or name other domains.")  # fmt: skip
    for reason, number in left_out.items():
        first = f"; the first is {absent}" if reason == "are absent" else ""
        notes.append(f"{number} of {count + left_out.total()} images {reason}, left out{first}.")


def _present(folder: pathlib.Path, path: str, listed: dict[str, frozenset[str]]) -> str | None:
    """Returns the path as it is in the folder, each folder below listed once; Kaggle's copy has no apostrophes."""
    for candidate in (path, path.replace("'", "")):
        place, _, name = candidate.rpartition("/")
        if place not in listed:
            listed[place] = frozenset(os.listdir(folder / place)) if (folder / place).is_dir() else frozenset()
        if name in listed[place]:
            return candidate
    return None


def _read(row: Row, models: Mapping[str, Model], shift: str) -> _Photograph:
    file, angle = row.cells["Image_name"], row.cells["Predicted_viewpoint"]
    fields = file.split("$$")
    if len(fields) != 7:
        raise row.error(f"Image_name is {file!r}; expected brand$$model$$year$$colour$$Genmodel_ID$$advert$$image")
    brand, title, year, colour, model, advert, _ = fields
    if model not in models:
        raise row.error(f"the Genmodel_ID in {file!r} is {model!r}, which Basic_table.csv does not have")
    value = year if shift == "year" else colour.lower()
    if shift == "viewpoint":
        if not angle.isdigit():
            raise row.error(f"Predicted_viewpoint is {angle!r}; expected degrees, such as 45")
        value = str(int(angle) % 360)
    path = f"{brand}/{title}/{year}/{colour}/{file}"
    return _Photograph(path, models[model].name, value, f"{model}$${advert}")


SOURCES = {"cars": Source(load, settings=FOLDER | {"shift": "shift"})}

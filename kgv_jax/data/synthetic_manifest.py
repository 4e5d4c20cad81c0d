"""Element images from any generator: a folder with a `manifest.csv` that says which image shows which node.

    image,node,relation
    red/0.png,red,
    red/0.png,triangle,hasShape

`image` is a path below the manifest's folder, `node` a node of the graph. Without `relation`, or where it is empty,
the image is one of the node itself; else it shows the fact (relation, node). An image may have several rows, and the
table other columns, such as the prompts of `kgv_jax.data.prompts`.

A renderer that a plugin adds by name (`RENDERERS`) takes the place of a folder: it makes the images of the graph.
"""

from __future__ import annotations

import collections
import csv
import dataclasses
import functools
import hashlib
import math
import os
import pathlib
import statistics
from collections.abc import Callable, Iterable, Sequence

from kgv_jax.data import decode
from kgv_jax.data.fingerprint import fingerprints, near_pairs
from kgv_jax.data.types import SourceImage
from kgv_jax.kg.graph import Graph
from kgv_jax.kg.mask import INSTANCE_OF
from kgv_jax.kg.names import local_name
from kgv_jax.util.errors import UserError
from kgv_jax.util.registry import Registry
from kgv_jax.util.tables import Row, read_table

NAME = "manifest.csv"
_NAMED = 8  # nodes without an image that a report names


Renderer = Callable[[Graph], Iterable[SourceImage]]
RENDERERS: Registry[Renderer] = Registry("renderer", attribute="RENDERERS", of=Callable)
_DIGEST_PX = 64  # size at which a renderer's images are compared between runs


@dataclasses.dataclass(frozen=True)
class Manifest:
    """The images of a folder or of a renderer.

    Attributes:
      images: the source images, in the order of the table.
      digest: 16 hexadecimal digits that change with any row and with any byte of an image.
    """

    images: tuple[SourceImage, ...]
    digest: str


def read_manifest(path: str | os.PathLike, graph: Graph) -> Manifest:
    """Reads the manifest of a folder, or the table itself, or calls the renderer of that name.

    Raises:
      UserError: there is no such table, or a row has an image that is missing or outside the folder, or a node or
        relation that the graph lacks.
    """
    if path in RENDERERS:
        return _render(str(path), graph)
    table = pathlib.Path(path)
    table = table / NAME if table.is_dir() else table
    columns = ["image", "node"] + (["relation"] if "relation" in _header(table) else [])
    depicts: dict[str, list[tuple[str, str]]] = collections.defaultdict(list)
    missing: list[Row] = []
    for row in read_table(table, columns):
        image = pathlib.PurePosixPath(row.cells["image"])
        if image.is_absolute() or ".." in image.parts or not image.parts:
            raise row.error(f"the image is {row.cells['image']!r}; expected a path below {table.parent}")
        if not (table.parent / image).is_file():
            missing.append(row)
        try:
            fact = _fact(graph, row.cells.get("relation", ""), row.cells["node"])
        except UserError as error:
            raise row.error(str(error)) from error
        depicts[image.as_posix()].append(fact)
    if missing:
        more = f", and {len(missing) - 1} others" if len(missing) > 1 else ""
        raise missing[0].error(f"the image {missing[0].cells['image']!r} does not exist{more}")
    # The audit prints the digest: it identifies the rows and bytes that a run learnt from.
    digest = hashlib.blake2b(repr(sorted((image, sorted(facts)) for image, facts in depicts.items())).encode())
    images = []
    for image, facts in depicts.items():
        digest.update((table.parent / image).read_bytes())
        load = functools.partial(decode.decode, table.parent / image)
        images.append(SourceImage(f"elements/{image}", "elements", None, load, tuple(dict.fromkeys(facts))))
    return Manifest(tuple(images), digest.hexdigest()[:16])


def _render(name: str, graph: Graph) -> Manifest:
    """Returns what the renderer `name` makes of a graph."""
    images: dict[str, SourceImage] = {}
    for image in RENDERERS[name](graph):
        if image.id in images or not image.depicts:
            problem = "is there twice" if image.id in images else "depicts nothing"
            raise UserError(
                f"The image {image.id!r} of the renderer {name!r} {problem}; expected ids that differ, and (relation, "
                "node) pairs in depicts."
            )
        facts = tuple(dict.fromkeys(_fact(graph, relation, node) for relation, node in image.depicts))
        images[image.id] = SourceImage(f"elements/{image.id}", "elements", None, image.load, facts)
    if not images:
        raise UserError(f"The renderer {name!r} made no image of this graph.")
    digest = hashlib.blake2b(repr(sorted((image, made.depicts) for image, made in images.items())).encode())
    for made in images.values():
        digest.update(made.load(_DIGEST_PX).tobytes())
    return Manifest(tuple(images.values()), digest.hexdigest()[:16])


def audit(manifest: Manifest, graph: Graph) -> tuple[str, ...]:
    """Returns lines about what the images show: the coverage of nodes, and the entropy of each attribute.

    An attribute is the nodes of one type, or the tails of one relation. Its entropy is that of the shares that its
    values have of the images. It falls short of log2(number of values) where values are rare or missing: a generator
    that fails on some nodes is noticed here before a run is spent on it.
    """
    counts = collections.Counter(fact for source_image in manifest.images for fact in source_image.depicts)
    per_fact = sorted(counts.values())
    shown = len({node for _, node in counts})
    lines = [
        f"{len(manifest.images)} synthetic images (digest {manifest.digest}) of {shown} of {len(graph.nodes)} nodes, "
        f"{per_fact[0]} to {per_fact[-1]} each, median {statistics.median(per_fact):g}"
    ]
    attributes: dict[tuple[str, str], dict[int, int]] = {}
    for (relation, name), count in counts.items():
        node = graph.node(name)
        kind = graph.types[node] if relation == INSTANCE_OF else ""
        attributes.setdefault((relation, kind), {})[node] = count
    for (relation, kind), values in sorted(attributes.items()):
        whole = graph.nodes_of_type(kind) if relation == INSTANCE_OF else graph.objects(relation).tolist()
        whole = {*whole, *values}
        total = sum(values.values())
        entropy = sum(n / total * math.log2(total / n) for n in values.values())
        absent = sorted(local_name(graph.nodes[node]) for node in whole - values.keys())
        reported = (
            f"; not shown: {', '.join(absent[:_NAMED])}{', ...' if len(absent) > _NAMED else ''}" if absent else ""
        )
        lines.append(
            f"{kind or (relation if relation != INSTANCE_OF else 'no type')}: {len(values)} of {len(whole)} values "
            f"shown, entropy {entropy:.2f} of {math.log2(len(whole)):.2f} bits{reported}"
        )
    return tuple(lines)


def refuse_copies(images: Sequence[SourceImage], evaluation: Sequence[SourceImage]) -> None:
    """Raises a UserError, naming both images, if an image is a near copy of one that results are measured on."""
    # A source image may be in several evaluated domains; it counts once.
    evaluation = list({source_image.id: source_image for source_image in evaluation}.values())
    pairs = near_pairs(fingerprints(images), fingerprints(evaluation))
    if not len(pairs.first):
        return
    first, second = images[pairs.first[0]].id.partition("/")[2], evaluation[pairs.second[0]].id
    more = len(set(pairs.first.tolist())) - 1
    raise UserError(
        f"The synthetic image {first} is a near copy of the evaluation image {second} ({pairs.distance[0]} bits "
        "apart)"
        + (f", and {more} others are copies too" if more else "")
        + ". Remove them from the folder and its manifest: a run must not learn the images it is tested on."
    )


def _fact(graph: Graph, relation: str, node: str) -> tuple[str, str]:
    name = graph.nodes[graph.node(node)]
    if relation in ("", INSTANCE_OF):
        return INSTANCE_OF, name
    return local_name(graph.relations[graph.relation(relation)]), name


def _header(table: pathlib.Path) -> list[str]:
    try:
        with open(table, encoding="utf-8-sig", newline="") as file:
            return [name.strip() for name in next(csv.reader(file), [])]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UserError(
            f"{table}: the manifest cannot be read ({error}); expected a folder with {NAME} of the columns image, node "
            "and, where images show facts, relation."
        ) from error

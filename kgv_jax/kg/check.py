"""The validator: what a graph file holds, what was lost in reading it, and what a user should fix."""

from __future__ import annotations

import collections
import dataclasses
import os
import pathlib
from collections.abc import Mapping, Sequence

import numpy as np

from kgv_jax.kg import closure
from kgv_jax.kg.assemble import EXPECTED, Loaded
from kgv_jax.kg.graph import Graph
from kgv_jax.kg.load import load_graph
from kgv_jax.kg.mapping import find_nodes
from kgv_jax.kg.names import local_name
from kgv_jax.util.errors import UserError

HIERARCHY = ("broader", "variantOf", "subClassOf", "hypernym")
IMAGES = frozenset({".png", ".jpg", ".jpeg", ".webp", ".ppm", ".svg"})


@dataclasses.dataclass(frozen=True)
class Findings:
    """Lines of facts about a graph, and lines of what is wrong with it."""

    facts: tuple[str, ...]
    findings: tuple[str, ...]

    def print(self) -> int:
        """Prints them and returns the exit code: 0 clean, 1 findings."""
        for line in self.facts:
            print(line)
        if not self.findings:
            print("no findings")
            return 0
        print(f"{_count(len(self.findings), 'finding')}:")
        for line in self.findings:
            print(f"  {line}")
        return 1


def check(
    path: str | os.PathLike,
    *,
    images: str | os.PathLike | None = None,
    class_type: str = "Class",
    hierarchy: Sequence[str] | None = None,
) -> Findings:
    """Reads a graph file and examines it.

    Args:
      path: the graph file.
      images: folder `DIR/<class>/` or `DIR/<domain>/<class>/` to compare with the graph, or None.
      class_type: local name of the type of class nodes.
      hierarchy: local names of the hierarchical relations; the usual ones that occur, if None.

    Raises:
      UserError: the file or the folder cannot be read, or a named relation is not in the graph.
    """
    # What is there.
    loaded = load_graph(pathlib.Path(path), class_types=(class_type,))
    graph = loaded.graph
    if hierarchy is None:
        levels = closure.present(graph, HIERARCHY)
    else:
        levels = tuple(sorted({graph.relation(name) for name in hierarchy}))
    folders = None if images is None else class_folders(images)
    classes, how = _classes(graph, class_type, levels)
    facts = [f"{path}: {_count(loaded.report.read, 'statement')} read, {loaded.report.kept} kept"]
    findings = _losses(loaded, facts)
    cycles = closure.find_cycles(graph, levels)
    facts += _counts(graph, levels, cycles)
    facts.append(f"classes: {len(classes)} ({how})")

    # What is wrong with it.
    if not classes:
        types = ", ".join(sorted(set(graph.types) - {""}))
        findings.append(f"no node has the type {class_type!r}; types are {types}; see --class-type")
    for cycle in cycles:
        where = _lines([loaded.report.node_lines[graph.nodes[node]] for node in cycle])
        findings.append(f"cycle in the hierarchy: {closure.cycle_text(graph, cycle)}{where}")
    findings += _dangling(loaded, classes)
    if not cycles:
        alike = indistinguishable(graph, classes, levels)
        if alike:
            least = error_bound(alike, dict.fromkeys(classes, 1.0))
            facts.append(f"any rule on the graph alone mistakes at least {least:.1%} of equally frequent classes")
        findings += [
            f"the graph cannot distinguish: {', '.join(_names(graph, group))}"
            + _lines([loaded.report.node_lines[graph.nodes[node]] for node in group])
            for group in alike
        ]

    # Whether the images fit.
    if folders is not None:
        findings += _images(graph, classes, class_type, folders, facts)
    return Findings(tuple(facts), tuple(findings))


def indistinguishable(graph: Graph, classes: Sequence[int], levels: Sequence[int]) -> list[tuple[int, ...]]:
    """Returns the groups of classes with the same facts: their own, inherited, and of their variants.

    Args:
      graph: a graph without cycles in its hierarchy.
      classes: class nodes.
      levels: indices of the hierarchical relations.
    """
    above = closure.ancestors(graph, levels)
    known = set(classes)
    groups = collections.defaultdict(list)
    for node in classes:
        own = {(relation, tail) for at in (node, *above[node]) for _, relation, tail in _rows(graph, at)}
        own |= {(-1, ancestor) for ancestor in above[node]}
        below = {child for relation in levels for child in graph.heads(relation, node) if child not in known}
        variants = collections.Counter(
            frozenset((relation, tail) for _, relation, tail in _rows(graph, child) if tail != node) for child in below
        )
        groups[frozenset(own), frozenset(variants.items())].append(node)
    return [tuple(group) for group in groups.values() if len(group) > 1]


def error_bound(groups: Sequence[Sequence[int]], frequency: Mapping[int, float]) -> float:
    """Returns the least error of any rule that sees only the graph's facts: it is right on one class of each group.

        1 - sum_groups max_{c in group} p(c),    a class that is in no group being one of its own

    Args:
      groups: of `indistinguishable`.
      frequency: class node -> how often it occurs, in any unit; every class.
    """
    lost = sum(sum(frequency[c] for c in group) - max(frequency[c] for c in group) for group in groups)
    return lost / sum(frequency.values())


def class_folders(root: str | os.PathLike) -> dict[str, list[pathlib.Path]]:
    """Returns class name -> its folders.

    The layout is `root/<class>/`, or `root/<domain>/<class>/` as soon as a folder holds a folder.
    """
    root = pathlib.Path(root)
    if not root.is_dir():
        raise UserError(f"{root} is no folder; expected DIR/<class>/ or DIR/<domain>/<class>/ with images.")
    top = _folders(root)
    deep = [folder for domain in top for folder in _folders(domain)]
    if not top:
        raise UserError(f"{root} has no folders; expected DIR/<class>/ or DIR/<domain>/<class>/ with images.")
    result: dict[str, list[pathlib.Path]] = {}
    for folder in deep or top:
        result.setdefault(folder.name, []).append(folder)
    return result


def _folders(root: pathlib.Path) -> list[pathlib.Path]:
    return sorted(p for p in root.iterdir() if p.is_dir() and not p.name.startswith((".", "__")))


def _classes(graph: Graph, class_type: str, levels: Sequence[int]) -> tuple[tuple[int, ...], str]:
    if any(graph.types):
        return graph.nodes_of_type(class_type), f"nodes of type {class_type}"
    tails = set(graph.triples[:, 2].tolist())
    heads = sorted(set(graph.triples[:, 0].tolist()) - tails)
    return tuple(heads), "no node has a type: those that nothing points at"


def _losses(loaded: Loaded, facts: list[str]) -> list[str]:
    findings = []
    for reason, count in sorted(loaded.report.dropped.items()):
        lines = loaded.report.lines[reason]
        text = f"dropped {count}: {reason}{_lines(lines, more=count > len(lines))}"
        (facts if reason in EXPECTED else findings).append(text)
    return findings


def _counts(graph: Graph, levels: Sequence[int], cycles: Sequence[tuple[int, ...]]) -> list[str]:
    types = collections.Counter(graph.types)
    uses = np.bincount(graph.triples[:, 1], minlength=len(graph.relations))
    listed = ", ".join(f"{kind or 'no type'} {count}" for kind, count in sorted(types.items()))
    relations = ", ".join(
        f"{local_name(name)} {count}" for name, count in zip(graph.relations, uses.tolist(), strict=True)
    )
    names = ", ".join(local_name(graph.relations[index]) for index in levels) or "no hierarchical relation"
    depth = "endless (cycle)" if cycles else f"depth {int(closure.depths(graph, levels).max(initial=0))}"
    return [
        f"nodes: {len(graph.nodes)} ({listed})",
        f"triples: {len(graph.triples)} ({relations})",
        f"hierarchy: {names}; {depth}",
    ]


def _dangling(loaded: Loaded, classes: Sequence[int]) -> list[str]:
    """Classes with nothing going out, and classes in a part of the graph without any other class."""
    graph = loaded.graph
    part = _components(graph)
    sizes = collections.Counter(part[node] for node in classes)
    findings = []
    for node in classes:
        name, where = local_name(graph.nodes[node]), _lines([loaded.report.node_lines[graph.nodes[node]]])
        if not len(graph.outgoing(node)):
            findings.append(f"dangling class {name}: no triple goes out of it{where}")
        elif len(classes) > 1 and sizes[part[node]] == 1:
            findings.append(f"dangling class {name}: nothing connects it with another class{where}")
    return findings


def _components(graph: Graph) -> list[int]:
    """Returns for every node the smallest node that it is connected with, in either direction.

    By union-find, in place of SciPy's `connected_components`: importing SciPy takes longer than the whole check.
    """
    root = list(range(len(graph.nodes)))

    def find(node: int) -> int:
        while root[node] != node:
            root[node] = root[root[node]]
            node = root[node]
        return node

    for head, _, tail in graph.triples.tolist():
        low, high = sorted((find(head), find(tail)))
        root[high] = low
    return [find(node) for node in range(len(graph.nodes))]


def _images(
    graph: Graph,
    classes: Sequence[int],
    class_type: str,
    folders: dict[str, list[pathlib.Path]],
    facts: list[str],
) -> list[str]:
    """Compares folders of images with the classes, both ways."""
    findings, with_images, total = [], set(), 0
    for name, paths in sorted(folders.items()):
        found = find_nodes(graph, name, class_types=(class_type,))
        listed = ", ".join(map(str, paths))
        if not found:
            findings.append(f"folder maps to no class{graph.suggestion(name)}: {listed}")
        elif len(found) > 1:
            findings.append(f"folder may mean {', '.join(_names(graph, found))}: {listed}")
        elif found[0] not in classes:
            kind = graph.types[found[0]] or "node without a type"
            findings.append(f"folder maps to no class, but to {graph.nodes[found[0]]} ({kind}): {listed}")
        for path in paths:
            count = sum(1 for p in path.iterdir() if p.suffix.lower() in IMAGES)
            total += count
            if not count:
                findings.append(f"class folder with no images: {path}")
            elif len(found) == 1:
                with_images.add(found[0])
    facts.append(f"images: {total} in {sum(map(len, folders.values()))} folders of {len(folders)} classes")
    missing = [node for node in classes if node not in with_images]
    return findings + [f"class without images: {name}" for name in _names(graph, missing)]


def _rows(graph: Graph, node: int) -> list[list[int]]:
    return graph.outgoing(node).tolist()


def _names(graph: Graph, nodes: Sequence[int]) -> list[str]:
    return [local_name(graph.nodes[node]) for node in nodes]


def _count(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"


def _lines(lines: Sequence[int], *, more: bool = False) -> str:
    unique = sorted(set(lines))
    text = ", ".join(map(str, unique)) + (", ..." if more else "")
    return f" (line{'s' if len(unique) > 1 or more else ''} {text})"

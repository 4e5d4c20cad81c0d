"""`kgv check-data DIR`: what a run would see of a folder; exit code 0 clean, 1 findings, 2 unreadable.

    kgv check-data DIR --source=de --graph=signs.ttl

The layout is DIR/<domain>/<class>/<image>. Copies are looked for between domains and, where the source is
named, between its training, validation and test parts as a run splits them.
"""

from __future__ import annotations

import collections
import hashlib
import os
import pathlib
import statistics
from collections.abc import Mapping, Sequence

from kgv_jax.data.fingerprint import fingerprints, is_flat, near_pairs
from kgv_jax.data.sources import folder
from kgv_jax.data.types import SourceImage
from kgv_jax.kg.check import Findings
from kgv_jax.kg.load import load_graph
from kgv_jax.kg.mapping import map_classes
from kgv_jax.util.errors import UserError

_LISTED = 20  # copies, or classes of a domain, that are named before the rest is counted


def check(
    root: str | os.PathLike,
    *,
    source: str | None = None,
    validation_fraction: float = 0.2,
    seed: int = 0,
    graph: str | os.PathLike | None = None,
    class_by: str = "auto",
    class_type: str = "Class",
) -> Findings:
    """Reads every image of a folder and says what is there and what is wrong with it.

    Args:
      root: folder ROOT/<domain>/<class>/<image>.
      source: domain that a run learns from; None if that is open.
      validation_fraction: of such a run.
      seed: of its split.
      graph: graph file in which every class shall have a node, or None.
      class_by: how class names are read, see `kg.mapping.map_classes`.
      class_type: local name of the type of class nodes.

    Raises:
      UserError: the folder or the graph cannot be read, or no run could start from this source.
    """
    root = pathlib.Path(root)
    if not root.is_dir() or not (domains := folder.domain_names(root)):
        raise UserError(f"{root} is no folder with folders in it; expected DIR/<domain>/<class>/<image>.")
    nodes = None if graph is None else load_graph(pathlib.Path(graph), class_types=(class_type,)).graph
    scans = {domain: folder.scan_domain(root, domain) for domain in domains}
    facts, findings = [], []
    parts: dict[str, Sequence[SourceImage]] = {}
    for domain, scan in scans.items():
        facts.append(_counts(domain, scan))
        findings += scan.unreadable.values()
        findings += [f"class folder with no image: {root / domain / label}" for label in scan.empty]
        lost = sorted({path.parent.name for path in scan.unreadable} - scan.images.keys())
        findings += [f"class folder with no readable image: {root / domain / label}" for label in lost]
        parts[domain] = [image for own in scan.images.values() for image in own]
    if source is not None:
        targets = [domain for domain in domains if domain != source]
        run = folder.load(root, source=source, targets=targets, validation_fraction=validation_fraction, seed=seed)
        parts = {"train": run.train, "validation": run.validation, "test": run.domains[source]}
        facts.append(f"{source}: " + ", ".join(f"{len(part)} images to {name}" for name, part in parts.items()))
        parts |= {target: run.domains[target] for target in targets}
    else:
        facts.append("every domain is compared with every other; name the one to learn from with --source=DOMAIN")
    findings += _copies(root, parts)
    classes = {label for scan in scans.values() for label in scan.images}
    if source is not None:
        classes = set(scans[source].images)
    if nodes is not None:
        try:
            mapped = map_classes(nodes, sorted(classes), by=class_by, class_types=(class_type,))
            facts.append(f"{graph}: {len(mapped)} classes, each with a node of its own")
        except UserError as error:
            findings.append(str(error))
    return Findings(tuple(facts), tuple(findings))


def _counts(domain: str, scan: folder.Scan) -> str:
    counts = {label: len(images) for label, images in scan.images.items()}
    total = sum(counts.values())
    text = f"{domain}: {total} images of {len(counts)} classes"
    if counts:
        text += f", {min(counts.values())} to {max(counts.values())} per class"
        text += f", median {statistics.median(counts.values()):g}"
        rare = sorted(counts, key=lambda label: (counts[label], label))
        shown = sorted(counts) if len(counts) <= _LISTED else rare[: _LISTED // 2]
        listed = ", ".join(f"{label} {counts[label]}" for label in shown)
        text += f"; {'fewest: ' if len(shown) < len(counts) else ''}{listed}"
    if scan.ignored:
        listed = ", ".join(f"{ending} {count}" for ending, count in sorted(scan.ignored.items()))
        text += f"; not images: {listed}"
    return text


def _copies(root: pathlib.Path, parts: Mapping[str, Sequence[SourceImage]]) -> list[str]:
    """Returns findings: images that are in two parts or in two classes, as the same file or as a near copy."""
    part_of = {image.id: part for part, own in reversed(parts.items()) for image in own}
    images = list({image.id: image for own in parts.values() for image in own}.values())
    label = [image.label for image in images]
    part = [part_of[image.id] for image in images]
    content = [hashlib.blake2b((root / image.id).read_bytes()).digest() for image in images]
    prints = fingerprints(images)
    pairs, flat = near_pairs(prints), is_flat(prints)
    listed: dict[str, list[str]] = collections.defaultdict(list)
    for i, j, bits in zip(pairs.first.tolist(), pairs.second.tolist(), pairs.distance.tolist(), strict=True):
        same = content[i] == content[j]
        if not same and (flat[i] or flat[j]):
            continue  # nothing in them to compare
        kind = "the same file" if same else "near copies"
        apart = "" if same else f" ({bits} bits apart)"
        if part[i] != part[j]:
            listed[f"{kind} in {part[i]} and {part[j]}"].append(f"{images[i].id} and {images[j].id}{apart}")
        elif same and label[i] != label[j]:
            listed["the same file in two classes"].append(f"{images[i].id} and {images[j].id}")
    findings = []
    for kind, reported in sorted(listed.items()):
        findings += [f"{kind}: {line}" for line in reported[:_LISTED]]
        if len(reported) > _LISTED:
            findings.append(f"{kind}: {len(reported) - _LISTED} pairs more")
    return findings

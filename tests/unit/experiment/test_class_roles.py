"""Held-out classes in a whole experiment: in no stream that trains, in every evaluation, ignored in the mask."""

import functools

import numpy as np
import pytest

from kgv_jax.config import schema as config_schema
from kgv_jax.data.types import SEEN, UNSEEN, VALIDATION
from kgv_jax.experiment import build as experiment
from kgv_jax.kg.names import local_name
from kgv_jax.util.errors import UserError

pytestmark = pytest.mark.usefixtures("kgv_cache")


def _held(role, classes):
    return {f"{role}_count": classes} if isinstance(classes, int) else {f"{role}_classes": classes}


@functools.cache
def _built(method, unseen=4, validation=3, **settings):
    values = config_schema.default_config()
    values.method = method
    values.data.update({"size_px": 8, "train_views": 1, "test_views": 1, "targets": "cn"})
    values.synthetic.update({"per_element": 1, "per_variant": 1, "views": 1})
    values.zero_shot.update({**_held("unseen", unseen), **_held("validation", validation), **settings})
    return experiment.build(config_schema.resolve(values))


def _classes(built, role):
    return {name for name, own in zip(built.dataset.classes, built.roles, strict=True) if own == role}


def _shown(built, name):
    """Returns the classes of a stream's labelled images."""
    (arrays,) = [stream.arrays for stream in built.pipeline.streams if stream.name == name]
    return {built.dataset.classes[label] for label in np.unique(arrays["label"][arrays["labelled"] > 0])}


def test_held_out_classes_are_in_no_stream_and_in_every_evaluation():
    built = _built("kgv_compose_labelled")
    seen, unseen, validation = (_classes(built, role) for role in (SEEN, UNSEEN, VALIDATION))
    assert (len(unseen), len(validation)) == (4, 3) and seen | unseen | validation == {*built.dataset.classes}
    assert _shown(built, "train") == seen and _shown(built, "compositions") <= seen
    tested = {
        domain: {built.dataset.classes[label] for label in images.labels} for domain, images in built.domains.items()
    }
    assert tested["de"] >= unseen and not tested["de"] & validation and not tested["cn"] & validation
    assert tested[VALIDATION] >= validation and not tested[VALIDATION] & unseen


def test_their_nodes_are_ignored_and_so_are_facts_that_only_they_state():
    built = _built("kgv")
    mask, whole = built.mask, _built("kgv", negatives=True).mask
    held = [node for node, role in zip(built.class_nodes.tolist(), built.roles, strict=True) if role != SEEN]
    rows = [rows for rows, role in zip(built.class_rows, built.roles, strict=True) if role == SEEN]
    m = mask.combine(np.array([[row] for own in rows for row in own], np.int32))
    assert (m[:, :, held] == 0).all() and (m == -1).any()
    for relation, node in mask.ignored_facts:
        assert not (m[:, relation, node] != 0).any()
    assert mask.ignored_facts, "some legend is of a held-out class alone"
    before = whole.combine(np.array([[row] for own in rows for row in own], np.int32))
    assert (before[:, :, held] == -1).any() and all((before[:, j, k] == -1).any() for j, k in mask.ignored_facts)
    # Element images of what only they show stay.
    elements = {local_name(mask.graph.nodes[node]) for node in mask.query_rows}
    assert {
        local_name(mask.graph.nodes[k]) for j, k in mask.ignored_facts if mask.relations[j] == "hasLegend"
    } <= elements


def test_unlabelled_compositions_of_them_are_asked_for():
    drawn = {name: _built("kgv_compose", compositions=name == "all").pipeline.streams for name in ("seen", "all")}
    counts = {name: len(streams[-1]) for name, streams in drawn.items()}
    assert drawn["all"][-1].name == "compositions" and counts["all"] > counts["seen"]
    assert (drawn["all"][-1].arrays["labelled"] == 0).all()


def test_labelled_compositions_teach_held_out_classes():
    """A class that nobody photographed and that the graph describes: learnt, and tested as an unseen one."""
    plain, described = (_built("kgv_compose_labelled", compositions=shown) for shown in (False, True))
    unseen = [label for label, role in enumerate(described.roles) if role == UNSEEN]
    assert described.roles == plain.roles and unseen
    train, compositions = described.pipeline.streams[0], described.pipeline.streams[-1]
    assert not np.isin(train.arrays["label"], unseen).any()
    assert np.isin(unseen, compositions.arrays["label"]).all()
    assert not np.isin(plain.pipeline.streams[-1].arrays["label"], unseen).any()
    nodes = described.class_nodes[unseen]
    assert np.isin(nodes, plain.mask.ignored_nodes).all() and not np.isin(nodes, described.mask.ignored_nodes).any()


def test_a_permuted_graph_and_the_seed_leave_the_roles():
    built = _built("shuffled_kg")
    assert built.roles == _built("kgv").roles
    assert built.graph != _built("kgv").graph


def test_classes_by_name():
    names = sorted(_classes(_built("kgv"), SEEN))[:3]
    built = _built("ce", unseen=tuple(names[:2]), validation=(names[2],))
    assert _classes(built, UNSEEN) == {*names[:2]} and _classes(built, VALIDATION) == {names[2]}
    with pytest.raises(
        UserError, match=rf"holds '{names[0]}' out as an unseen and as a validation class; choices are made on"
    ):
        _built("ce", unseen=tuple(names[:2]), validation=(names[0],))
    with pytest.raises(
        UserError, match=r"validation_count is 3 and no class is unseen, so there is nothing to make choices"
    ):
        _built("ce", unseen=0)
    assert set(_built("ce", unseen=0, validation=0).roles) == {SEEN}

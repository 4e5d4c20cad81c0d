"""What settings of `config.kg` mean in a whole experiment: names of relations, in any spelling that names one."""

from importlib import resources

import numpy as np
import pytest

from kgv_jax.config import schema as config_schema
from kgv_jax.experiment import build as experiment
from kgv_jax.util.errors import UserError

pytestmark = pytest.mark.usefixtures("kgv_cache")

TURTLE = (resources.files("kgv_jax.kg") / "graphs" / "roadsigns.ttl").read_text(encoding="utf-8")
VOCAB = "https://kgv-jax.github.io/vocab#"


def _build(*, unseen=0, **kg):
    values = config_schema.default_config()
    values.method = "kgv_no_synthetic"
    values.data.update({"size_px": 8, "train_views": 1, "test_views": 1, "targets": "cn"})
    values.kg.update(kg)
    values.zero_shot.unseen_count = unseen
    return experiment.build(config_schema.resolve(values))


@pytest.mark.parametrize("ablation", ["permute_classes", "random_facts"])
def test_ablations_follow_the_names_of_relations(tmp_path, ablation):
    # Other names of the same place among the relations, so that the same draws are made.
    other = {"variantOf": "variesFrom", "usedIn": "usedBy"}
    text = TURTLE
    for old, new in other.items():
        assert new not in text
        text = text.replace(f"kgv:{old} ", f"kgv:{new} ")
    path = tmp_path / "renamed.ttl"
    path.write_text(text, encoding="utf-8")
    usual = _build(**{ablation: True}).graph
    named = {"variant_relation": "variesFrom", "style_relation": "usedBy", "hierarchy": "broader,variesFrom"}
    renamed = _build(path=str(path), **named, **{ablation: True}).graph
    assert usual.nodes == renamed.nodes
    np.testing.assert_array_equal(usual.triples, renamed.triples)


def _same(one, other):
    assert one.mask.relations == other.mask.relations
    np.testing.assert_array_equal(one.mask.ignored_nodes, other.mask.ignored_nodes)
    assert one.mask.ignored_facts == other.mask.ignored_facts
    np.testing.assert_array_equal(one.mask.table, other.mask.table)
    np.testing.assert_array_equal(one.parents, other.parents)


def test_kept_relations_are_named_in_any_way_that_names_one():
    plain = _build(relations="hasShape,hasFillColour")
    assert plain.mask.relations == ("instanceOf", "hasFillColour", "hasShape")
    _same(plain, _build(relations=f"HASSHAPE,{VOCAB}hasFillColour"))
    with pytest.raises(UserError, match="no relation 'hasShapes', did you mean 'hasShape'"):
        _build(relations="hasShapes")


@pytest.mark.parametrize("keep", ["all", "hierarchy", "association"])
def test_the_hierarchy_is_named_in_any_way_that_names_it(keep):
    plain, other = (_build(keep=keep, hierarchy=text) for text in ("broader,variantOf", f"Broader,{VOCAB}variantOf"))
    _same(plain, other)
    own = {"all": {"broader", "hasShape"}, "hierarchy": {"broader", "variantOf"}, "association": {"hasShape"}}[keep]
    assert own <= {*plain.mask.relations} and ("broader" in plain.mask.relations) == (keep != "association")
    assert ("hasShape" in plain.mask.relations) == (keep != "hierarchy")


def test_of_relations_with_one_local_name_a_full_one_chooses(tmp_path):
    path = tmp_path / "graph.ttl"
    path.write_text(f"{TURTLE}\nsign:stop <https://other.org/v#hasShape> sign:circle .\n", encoding="utf-8")
    with pytest.raises(UserError, match="give the full name"):
        _build(path=str(path), relations="hasShape")
    assert _build(path=str(path), relations=f"{VOCAB}hasShape").mask.relations == ("instanceOf", "hasShape")


@pytest.mark.parametrize("unseen", [0, 4])
def test_a_cycle_in_the_hierarchy_is_named(tmp_path, unseen):
    path = tmp_path / "cyclic.ttl"
    path.write_text(f"{TURTLE}\nsign:road-sign kgv:broader sign:warning .\n", encoding="utf-8")
    cycle = r"(road-sign -> warning|warning -> road-sign) ->"
    with pytest.raises(UserError, match=rf"has a cycle: {cycle}.*\. Take out one"):
        _build(path=str(path), unseen=unseen)

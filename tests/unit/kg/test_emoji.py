"""Emoji as concepts, and the graph of their groups and tags."""

import pytest

from kgv_jax.kg import emoji
from kgv_jax.kg.load import load_graph
from kgv_jax.kg.names import local_name
from kgv_jax.kg.wordnet import WordNet
from kgv_jax.util.errors import UserError
from tests.emoji_files import THINGS, concept_files
from tests.wordnet_files import write_wordnet


def test_concepts_are_images_of_things():
    concepts = emoji.read_concepts(concept_files())
    assert tuple(concept.label for concept in concepts) == THINGS  # no letters, symbols, clocks, joined emoji
    heart = concepts[-1]
    assert heart.names == ("heavy-black-heart", "red-heart") and heart.code == "2764-FE0F"
    assert (heart.group, heart.subgroup) == ("smileys-emotion", "heart")


def test_the_graph_by_hand():
    graph = emoji.make_graph(emoji.read_concepts(concept_files()))
    triples = {tuple(map(local_name, triple)) for triple in graph.named_triples()}
    assert {
        ("grapes", "broader", "subgroup-food-fruit"), ("subgroup-food-fruit", "broader", "group-food-drink"),
        ("group-food-drink", "broader", "emoji"), ("grapes", "hasTag", "tag-fruit"), ("banana", "hasTag", "tag-fruit"),
    } <= triples  # fmt: skip
    # A tag of one emoji alone relates it to no other.
    assert {tail for _, relation, tail in triples if relation == "hasTag"} == {"tag-fruit", "tag-face"}
    assert len(graph.nodes_of_type("Class")) == len(THINGS)


def test_a_graph_that_is_written_is_found(tmp_path, monkeypatch):
    monkeypatch.setenv("KGV_JAX_CACHE", str(tmp_path))
    with pytest.raises(UserError, match=r"not prepared: no .*emoji-2\.ttl\. Run `kgv prepare emoji`"):
        emoji.graph_path()
    concepts = emoji.read_concepts(concept_files())
    write_wordnet(tmp_path / "wordnet")
    wordnet = WordNet(tmp_path / "wordnet")
    assert emoji.write_graph(concepts, wordnet) == emoji.graph_path()
    assert load_graph(emoji.graph_path()).graph == emoji.make_graph(concepts, wordnet)


@pytest.mark.parametrize(
    "content", [b"{", b"[{}]", b'[{"hexcode": "1F600", "group": 99, "subgroup": 0, "label": "x"}]']
)
def test_files_that_are_others_are_refused(content):
    with pytest.raises(UserError, match=r"emojibase-data: its files are not those of version 17\.0\.0"):
        emoji.read_concepts(concept_files() | {"en/data.json": content, "meta/groups.json": b"{}"})


@pytest.mark.parametrize(("text", "name"), [("one o’clock", "one-oclock"), ("Piñata!", "pinata"), ("A - b", "a-b")])
def test_slugs(text, name):
    assert emoji.slug(text) == name

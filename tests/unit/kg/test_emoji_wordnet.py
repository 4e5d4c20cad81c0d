"""Concepts get the hypernyms of their noun, without those that gather nothing new."""

import pytest

from kgv_jax.kg.emoji_wordnet import find_senses, hypernym_edges
from kgv_jax.kg.wordnet import WordNet
from tests.wordnet_files import write_wordnet


@pytest.fixture
def wordnet(tmp_path):
    return write_wordnet(tmp_path), WordNet(tmp_path)


@pytest.mark.parametrize(
    ("label", "group", "sense"),
    [
        ("dog", "animals-nature", "n.dog"),
        ("dog", "people-body", "n.dog2"),  # the commonest meaning among persons
        ("dog", "objects", None),
        ("dog", "smileys-emotion", None),  # a group that images no things
        ("service dog", "animals-nature", "n.dog"),
        ("domestic dog", "animals-nature", "n.dog"),
        ("dog with flag", "animals-nature", "n.dog"),
        ("flag on dog", "animals-nature", None),
        ("cat", "animals-nature", None),
    ],
)
def test_senses(wordnet, label, group, sense):
    ids, files = wordnet
    assert find_senses({"x": label}, {"x": group}, files) == ({"x": ids[sense]} if sense else {})


def test_hypernyms_by_hand(wordnet):
    ids, files = wordnet
    senses = {"puppy": ids["n.dog"], "laika": ids["n.laika"], "hamster": ids["n.pet"], "wig": ids["n.hair"]}
    edges, labels = hypernym_edges(senses, files)
    # dog gathers puppy and laika; canine gathers no more, and animal what pet does: left out.
    dog, pet, entity = ids["n.dog"], ids["n.pet"], ids["n.entity"]
    assert labels == {dog: "dog", pet: "pet", entity: "entity"}
    assert sorted(edges) == sorted(
        [("puppy", dog), ("laika", dog), ("hamster", pet), ("wig", entity), (dog, entity), (dog, pet), (pet, entity)]
    )

"""WordNet above emoji: a concept whose label is a noun gets that noun's hypernyms as categories.

    emoji:grapes  broader  emoji:wordnet-n13138842 (fruit)  broader  ...

Of a noun's meanings the commonest is taken that lies where the emoji's group does: `bat` among animals is no club.
Where the whole label is no noun, the last words before a preposition may be: an oncoming bus is a bus, a camera with
flash a camera. A rule makes a few mistakes (a card suit becomes a garment); they are left in.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence

from kgv_jax.kg.closure import reachable
from kgv_jax.kg.wordnet import WordNet
from kgv_jax.kg.wordnet_graph import BROADER, SYMBOLS, with_hypernyms

# Emoji group -> lexicographer files of WordNet, by number (lexnames(5)), that images of the group lie in.
TOPICS: Mapping[str, tuple[int, ...]] = {
    "people-body": (8, 18),  # body, person
    "animals-nature": (5, 20, 17, 19),  # animal, plant, natural object, natural phenomenon
    "food-drink": (13, 20, 6),  # food, plant, artifact
    "travel-places": (6, 15, 17, 19),  # artifact, location, ...
    "activities": (6, 11, 14, 4),  # artifact, event, group, act
    "objects": (6, 10, 21, 23),  # artifact, communication, possession, quantity
}


def find_senses(labels: Mapping[str, str], groups: Mapping[str, str], wordnet: WordNet) -> dict[str, str]:
    """Returns concept -> the id of its noun, for the concepts that have one.

    Args:
      labels: concept -> its label in words.
      groups: concept -> its group.
      wordnet: the files.
    """
    found = {}
    for concept, label in labels.items():
        topics, words = TOPICS.get(groups[concept], ()), list(itertools.takewhile(_is_no_preposition, label.split()))
        nouns = (label, *(" ".join(words[start:]) for start in range(len(words))))
        senses = (id for noun in nouns for id in wordnet.senses(noun) if wordnet.synset(id).topic in topics)
        if sense := next(senses, None):
            found[concept] = sense
    return found


def hypernym_edges(senses: Mapping[str, str], wordnet: WordNet) -> tuple[list[tuple[str, str]], dict[str, str]]:
    """Returns edges (concept or id, id) upwards, and id -> label.

    A synset is kept if it gathers several concepts, and other ones than any synset below it: a chain of hypernyms that
    all say the same is one category.
    """
    synsets = with_hypernyms(wordnet, senses.values())
    above = {id: synset.follow(*SYMBOLS[BROADER]) for id, synset in synsets.items()}
    below: dict[str, set[str]] = {id: set() for id in synsets}
    for concept, sense in senses.items():
        for id in reachable((sense,), above):
            below[id].add(concept)
    repeats = {upper for id, uppers in above.items() for upper in uppers if below[upper] == below[id]}
    kept = {id for id, concepts in below.items() if len(concepts) > 1 and id not in repeats}
    edges = [(concept, id) for concept, sense in senses.items() for id in _nearest([sense], above, kept)]
    edges += [(id, upper) for id in sorted(kept) for upper in _nearest(above[id], above, kept)]
    return edges, {id: synsets[id].lemmas[0] for id in sorted(kept)}


def _is_no_preposition(word: str) -> bool:
    return word not in ("with", "without", "of", "in", "on", "at", "over", "behind")


def _nearest(start: Iterable[str], above: Mapping[str, Sequence[str]], kept: set[str]) -> list[str]:
    """Returns the first kept synsets on every way up, in the order of the ways."""
    found = []
    for id in start:
        found += [id] if id in kept else _nearest(above[id], above, kept)
    return list(dict.fromkeys(found))

"""Ablations keep what they should keep, and change what they should change."""

import collections

import numpy as np
import pytest

from kgv_jax.kg import closure
from kgv_jax.kg.check import indistinguishable
from kgv_jax.kg.graph import Graph
from kgv_jax.kg.transforms import permute_class_rows, randomise_class_facts
from kgv_jax.util.errors import UserError

HIERARCHY = ("broader", "variantOf")


def signs(seed=0, classes=12):
    """Classes with a category, one legend of their own, and variants in some of three styles."""
    rng = np.random.default_rng(seed)
    triples, types = [], {}
    for index in range(classes):
        name = f"sign:{index:02}"
        types[name] = "Class"
        triples += [
            (name, "kgv:broader", f"cat:{rng.integers(3)}"),
            (name, "kgv:hasLegend", f"legend:{index}"),
        ]
        for style in ("de", "cn", "ru"):
            if style == "de" or rng.random() < 0.6:
                variant = f"{name}.{style}"
                types[variant] = "Variant"
                triples += [
                    (variant, "kgv:variantOf", name),
                    (variant, "kgv:usedIn", f"style:{style}"),
                    (variant, "kgv:hasShape", f"shape:{rng.integers(4)}"),
                    (variant, "kgv:hasColour", f"colour:{index}-{style}"),
                ]
    return Graph.from_triples(triples, types=types)


def degrees(graph, column):
    """How often (relation, number of triples at one node) occurs."""
    at = collections.Counter((int(row[1]), int(row[column])) for row in graph.triples)
    return collections.Counter((relation, count) for (relation, _), count in at.items())


def looks(graph, node):
    """What a class looks like by the graph: its facts, and those of its variants by style."""
    facts = {(r, t) for _, r, t in graph.outgoing(node).tolist()}
    variants = graph.heads("variantOf", node)
    link = graph.relation("variantOf")
    return frozenset(facts), frozenset(
        frozenset((r, t) for _, r, t in graph.outgoing(v).tolist() if r != link) for v in variants
    )


@pytest.mark.parametrize("seed", range(20))
def test_permuted_rows(seed):
    graph = signs(seed)
    classes = graph.nodes_of_type("Class")
    wrong = permute_class_rows(graph, classes, seed)
    assert (wrong.nodes, wrong.labels, wrong.types) == (graph.nodes, graph.labels, graph.types)
    assert wrong.relations == graph.relations and len(wrong.triples) == len(graph.triples)
    for column in (0, 2):
        assert degrees(wrong, column) == degrees(graph, column)
    before = {looks(graph, node): node for node in classes}
    after = [before[looks(wrong, node)] for node in classes]
    assert sorted(after) == sorted(classes)
    assert all(old != new for old, new in zip(after, classes, strict=True))
    # No variant keeps what it looks like: each colour belongs to one variant.
    for variant in graph.nodes_of_type("Variant"):
        assert wrong.tails(variant, "hasColour") != graph.tails(variant, "hasColour")
    assert closure.find_cycles(wrong, closure.present(wrong, HIERARCHY)) == []
    # Where the new owner has a variant of that style, it is that variant.
    kept_style = [wrong.tails(node, "usedIn") == graph.tails(node, "usedIn") for node in graph.nodes_of_type("Variant")]
    assert np.mean(kept_style) > 0.5
    assert not indistinguishable(wrong, classes, closure.present(wrong, HIERARCHY))


def test_a_permutation_is_a_function_of_its_seed():
    graph = signs()
    classes = graph.nodes_of_type("Class")
    assert permute_class_rows(graph, classes, 3) == permute_class_rows(graph, classes[::-1], 3)
    assert len({permute_class_rows(graph, classes, seed).digest() for seed in range(8)}) > 4


def test_only_the_given_classes_are_permuted():
    graph = signs()
    classes = graph.nodes_of_type("Class")
    wrong = permute_class_rows(graph, classes[:5], 0)
    for index, node in enumerate(classes):
        assert (looks(graph, node) == looks(wrong, node)) == (index >= 5)
    with pytest.raises(UserError, match="1 class cannot take"):
        permute_class_rows(graph, classes[:1], 0)


def test_permutation_of_nested_classes_closes_no_cycle():
    graph = Graph.from_triples(
        [("a", "up", "b"), ("b", "up", "root"), ("c", "up", "root"), ("d", "up", "c"), ("e", "up", "root")]
    )
    for seed in range(20):
        wrong = permute_class_rows(graph, [graph.node(name) for name in "acde"], seed)
        assert closure.find_cycles(wrong, (0,)) == []
    with pytest.raises(UserError, match="free of cycles"):
        permute_class_rows(Graph.from_triples([("a", "up", "b"), ("b", "up", "c")]), [0, 1], 0)


def test_random_facts_keep_counts_and_nothing_else():
    graph = signs()
    classes = graph.nodes_of_type("Class")
    random = randomise_class_facts(graph, classes, seed=0)
    assert random != graph and random == randomise_class_facts(graph, classes, seed=0)
    assert random != randomise_class_facts(graph, classes, seed=1)

    def counts(value):
        return collections.Counter(map(tuple, value.triples[:, :2].tolist()))

    assert counts(random) == counts(graph)
    variant_of = graph.relation("variantOf")

    def kept(value):
        return {tuple(row) for row in value.triples.tolist() if row[1] == variant_of}

    assert kept(random) == kept(graph)
    for relation in range(len(graph.relations)):
        tails = [set(value.triples[value.triples[:, 1] == relation, 2].tolist()) for value in (random, graph)]
        assert tails[0] <= tails[1]


def test_random_facts_close_no_cycle():
    triples = [("a", "broader", "b"), ("b", "broader", "c"), ("c", "broader", "top"), ("top", "is", "x")]
    graph = Graph.from_triples(triples)
    classes = [graph.node(name) for name in "abc"]
    for seed in range(10):
        random = randomise_class_facts(graph, classes, seed)
        assert not closure.find_cycles(random, (graph.relation("broader"),))

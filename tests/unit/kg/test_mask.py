"""The mask table, cell by cell on a graph worked by hand, and its promises on random graphs."""

import itertools

import numpy as np
import pytest

from kgv_jax.kg import closure
from kgv_jax.kg.graph import Graph
from kgv_jax.kg.mask import make_mask_table, pad_rows
from kgv_jax.util.errors import UserError

HIERARCHY = ("broader", "variantOf")
TRIPLES = """
    prio broader road | warn broader road | yield broader prio | stop broader prio | deer broader warn
    yield.de variantOf yield | deer.de variantOf deer | deer.cn variantOf deer
    yield.de hasShape tri | deer.de hasShape tri | deer.cn hasShape dia | stop hasShape oct
    deer hasLegend stag | stop hasLegend word | stag broader animal
"""
TYPES = {
    "Class": "deer stop yield",
    "Variant": "deer.cn deer.de yield.de",
    "Category": "prio road warn",
    "Shape": "dia oct tri",
    "Legend": "animal stag word",
}
# Columns: animal deer deer.cn deer.de dia | oct prio road stag stop | tri warn word yield yield.de
NOTHING = "..... ..... ....."
BY_HAND = {
    "deer": {
        "instanceOf": "0+000 ..00- 00.-.",
        "broader": "-000. .-+.. .+...",
        "hasLegend": "0.... ...+. ..-..",
        "hasShape": NOTHING,
        "variantOf": NOTHING,
    },
    "deer.de": {
        "instanceOf": "00-+. ..00. 00..-",
        "broader": "-0.0. .-+.. .+...",
        "hasLegend": "0.... ...+. ..-..",
        "hasShape": "....- -.... +....",
        "variantOf": ".+.0. ..0.. .0.-.",
    },
    "stop": {
        "instanceOf": ".-... 000.+ ..0-.",
        "broader": "-.... .++.0 .-...",
        "hasLegend": "..... ...-. ..+..",
        "hasShape": "....- +.... -....",
        "variantOf": NOTHING,
    },
    "yield": {
        "instanceOf": ".-... .00.- 0..+0",
        "broader": "-.... .++.. .-.00",
        "hasLegend": NOTHING,
        "hasShape": NOTHING,
        "variantOf": NOTHING,
    },
    "stag": {
        "instanceOf": "0000. ..0+. .0-..",
        "broader": "+.... .--0. .-...",
        "hasLegend": NOTHING,
        "hasShape": NOTHING,
        "variantOf": NOTHING,
    },
}
FACTS_BY_HAND = {
    ("hasShape", "tri"): "....- -.... +....",
    ("hasLegend", "stag"): "0.... ...+. ..-..",
    ("broader", "warn"): "-000. .-+.. .+...",
}


def cells(text):
    return np.array(["+0-.".index(cell) for cell in text.replace(" ", "")], np.int8) * -1 + 1


@pytest.fixture(scope="module")
def graph():
    triples = [tuple(part.split()) for line in TRIPLES.strip().splitlines() for part in line.split("|")]
    types = {node: kind for kind, names in TYPES.items() for node in names.split()}
    return Graph.from_triples(triples, types=types)


def build(graph, **options):
    options.setdefault("heads", [graph.node(name) for name in BY_HAND])
    options.setdefault("facts", [(relation, graph.node(name)) for relation, name in FACTS_BY_HAND])
    return make_mask_table(graph, hierarchy=HIERARCHY, **options)


def test_every_cell_of_the_hand_worked_graph(graph):
    table = build(graph)
    assert table.relations == ("instanceOf", "broader", "hasLegend", "hasShape", "variantOf")
    assert table.table.shape == (len(BY_HAND) + len(FACTS_BY_HAND), 5, 15) and table.table.dtype == np.int8
    for head, rows in BY_HAND.items():
        for index, relation in enumerate(table.relations):
            row = table.table[table.row(head), index]
            np.testing.assert_array_equal(row, cells(rows[relation]), err_msg=f"{head} {relation}")
    for (fact, node), text in FACTS_BY_HAND.items():
        for index, relation in enumerate(table.relations):
            row = table.table[table.fact_row(fact, node), index]
            expected = text if relation == fact else NOTHING
            np.testing.assert_array_equal(row, cells(expected), err_msg=f"{fact} {node} {relation}")


def test_candidates_all_turns_silence_into_negatives_where_there_is_a_positive(graph):
    table = build(graph, candidates="all")
    for head, rows in BY_HAND.items():
        for index, relation in enumerate(table.relations):
            text = rows[relation] if rows[relation] == NOTHING else rows[relation].replace(".", "-")
            row = table.table[table.row(head), index]
            np.testing.assert_array_equal(row, cells(text), err_msg=f"{head} {relation}")
    text = FACTS_BY_HAND["hasLegend", "stag"].replace(".", "-")
    np.testing.assert_array_equal(table.table[table.fact_row("hasLegend", "stag"), 2], cells(text))


def test_without_inheritance_only_own_facts_are_positive(graph):
    table = build(graph, inherit=False)
    for index, relation in enumerate(table.relations):
        own = relation in ("instanceOf", "hasShape", "variantOf")
        text = BY_HAND["deer.de"][relation] if own else NOTHING
        np.testing.assert_array_equal(table.table[table.row("deer.de"), index], cells(text), err_msg=relation)
    # What an ancestor has is still no negative, beside a positive of the node's own.
    more = graph.replace_triples([*graph.named_triples(), ("deer.de", "hasLegend", "word")])
    row = build(more, inherit=False)
    row = row.table[row.row("deer.de"), 2]
    np.testing.assert_array_equal(row, cells("0.... ...0. ..+.."))


def test_what_variants_differ_in_is_protected_on_their_class(graph):
    more = graph.replace_triples([*graph.named_triples(), ("deer", "hasShape", "oct")])
    table = build(more)
    np.testing.assert_array_equal(table.table[table.row("deer"), 3], cells("....0 +.... 0...."))


def test_kept_relations(graph):
    table = build(graph, relations=["hasShape", "broader"])
    assert table.relations == ("instanceOf", "broader", "hasShape")
    full = build(graph)
    for head in BY_HAND:
        np.testing.assert_array_equal(
            table.table[table.row(head)], full.table[full.row(head)][[0, 1, 3]], err_msg=head
        )
    assert table.rows_for([("hasLegend", "stag"), ("hasShape", "tri")]).tolist() == [
        table.fact_row("hasShape", "tri")
    ]


def test_held_out_classes_are_ignored_everywhere(graph):
    held_out = graph.node("yield")
    table = build(graph, ignored=[held_out])
    full = build(graph)
    hidden = [held_out, graph.node("yield.de")]
    assert (table.table[:, :, hidden] == 0).all()
    rest = [node for node in range(len(graph.nodes)) if node not in hidden]
    np.testing.assert_array_equal(table.table[:, :, rest], full.table[:, :, rest])
    m = table.combine(np.arange(len(table.table), dtype=np.int32)[:, None])
    assert (m[:, :, hidden] == 0).all()
    # deer.de lies below deer and is a head: training shows it.
    table = build(graph, ignored=[graph.node("deer")])
    assert (table.table[:, :, graph.node("deer.cn")] == 0).all()
    assert table.table[table.row("deer.de"), 0, graph.node("deer.de")] == 1


def test_combination_of_heads(graph):
    table = build(graph)
    rows = table.rows_for([("hasShape", "tri"), ("hasLegend", "stag"), ("instanceOf", "deer")])
    assert rows.dtype == np.int32 and len(rows) == 3
    other = table.rows_for([("instanceOf", "stop")])
    m = table.combine(pad_rows([rows, other, np.zeros(0, np.int32)]))
    assert m.shape == (3, 5, 15) and m.dtype == np.int8 and set(np.unique(m)) == {-1, 0, 1}
    assert (m[2] == 0).all()
    # The shape row of the fact, the other rows of the class; where both are silent, ignored.
    for index, text in enumerate(
        ["0+000 ..00- 00.-.", "-000. .-+.. .+...", "0.... ...+. ..-..", "....- -.... +....", NOTHING]
    ):
        np.testing.assert_array_equal(m[0, index], np.where(cells(text) == -2, 0, cells(text)))
    single = table.table[table.row("stop")].copy()
    single[single == -2] = 0
    np.testing.assert_array_equal(m[1], single)
    both = table.combine(np.array([table.row("stop"), table.row("deer"), -1], np.int32))
    assert both[0, graph.node("stop")] == both[0, graph.node("deer")] == 1
    assert both[0, graph.node("yield")] == -1
    np.testing.assert_array_equal(both, table.combine(np.array([-1, table.row("deer"), table.row("stop")])))
    batch = np.array([[[0, -1], [1, 2]], [[-1, -1], [3, 4]]], np.int32)
    assert table.combine(batch).shape == (2, 2, 5, 15)
    np.testing.assert_array_equal(table.combine(batch)[1, 1], table.combine(batch[1, 1]))


def test_errors(graph):
    table = build(graph)
    with pytest.raises(UserError, match="road is no head"):
        table.row("road")
    with pytest.raises(UserError, match=r"no relation 'hasShap' in the mask, did you mean 'hasShape'"):
        table.fact_row("hasShap", "tri")
    with pytest.raises(UserError, match=r"\(hasShape, oct\) is no fact"):
        table.fact_row("hasShape", "oct")
    with pytest.raises(UserError, match=r"'ranges'; expected one of range, all"):
        build(graph, candidates="ranges")
    with pytest.raises(UserError, match="no relation 'hasShap'"):
        build(graph, relations=["hasShap"])
    cyclic = graph.replace_triples([*graph.named_triples(), ("road", "broader", "deer.de")])
    with pytest.raises(UserError, match=r"has a cycle: .*deer -> warn -> road -> deer\.de -> deer"):
        build(cyclic)
    clash = Graph.from_triples([("a", "x:instanceOf", "b")])
    with pytest.raises(UserError, match="same local name"):
        make_mask_table(clash, heads=[0])


def random_graph(seed):
    """Nodes of two types; two hierarchical relations from later to earlier nodes; two free relations."""
    rng = np.random.default_rng(seed)
    count = int(rng.integers(5, 14))
    triples = set()
    for name, acyclic in (("up", True), ("over", True), ("has", False), ("near", False)):
        for _ in range(int(rng.integers(1, count))):
            tail, head = sorted(rng.choice(count, 2, replace=False).tolist())
            if not acyclic and rng.random() < 0.5:
                tail, head = head, tail
            triples.add((f"n{head:02}", name, f"n{tail:02}"))
    types = {f"n{index:02}": "AB"[int(rng.integers(2))] for index in range(count)}
    return Graph.from_triples(triples, types=types), rng


@pytest.mark.parametrize(("candidates", "inherit"), [*itertools.product(("range", "all"), (True, False))])
def test_promises_on_random_graphs(candidates, inherit):
    negatives = positives = 0
    for seed in range(60):
        graph, rng = random_graph(seed)
        count = len(graph.nodes)
        held_out = sorted({int(node) for node in rng.choice(count, 2, replace=False)})
        heads = [node for node in range(count) if node not in held_out]
        facts = [(graph.relations[r], int(graph.objects(r)[0])) for r in range(len(graph.relations))]
        options = {"hierarchy": ("up", "over"), "candidates": candidates, "inherit": inherit}
        table = make_mask_table(graph, heads=heads, facts=facts, ignored=held_out, **options)
        assert (table.table[:, :, held_out] == 0).all()
        table = make_mask_table(graph, heads=range(count), facts=facts, **options)
        above = closure.ancestors(graph, closure.present(graph, ("up", "over")))
        below = closure.descendants(above)
        for head, row in table.head_rows.items():
            cells_of = table.table[row]
            assert np.flatnonzero(cells_of[0] == 1).tolist() == [head]
            line = sorted({head} | above[head] | below[head])
            assert (cells_of[0, line] >= 0).all()
            for index, relation in enumerate(table.relations):
                positive = np.flatnonzero(cells_of[index] == 1).tolist()
                if not positive:
                    assert (cells_of[index] == -2).all()
                    continue
                assert (cells_of[index, sorted(set().union(*(above[k] for k in positive)))] >= 0).all()
                if relation in ("up", "over"):
                    assert set(positive) <= above[head]
                    assert (cells_of[index, line] >= 0).all()
                else:
                    lower = sorted(set().union(*(below[k] for k in positive)))
                    assert (cells_of[index, lower] >= 0).all()
                if index:
                    assert set(graph.tails(head, relation)) <= set(positive)
                    inherited = {t for a in above[head] for t in graph.tails(a, relation)}
                    assert (cells_of[index, sorted(inherited)] >= int(inherit)).all()
                    if candidates == "range":
                        assert set(np.flatnonzero(cells_of[index] == -1)) <= set(graph.objects(relation))
                positives += len(positive)
                negatives += int((cells_of[index] == -1).sum())
        for (index, node), row in table.fact_rows.items():
            assert table.table[row, index, node] == 1
            assert (table.table[row, index, sorted(above[node] | below[node])] >= 0).all()
            assert (np.delete(table.table[row], index, axis=0) == -2).all()
    assert positives > 500 and negatives > 500

"""The mask: cell by cell on a graph worked by hand; on random graphs, what it guarantees and its rules written out."""

import itertools
import tracemalloc

import numpy as np
import pytest

from kgv_jax.kg import closure
from kgv_jax.kg.graph import Graph
from kgv_jax.kg.mask import make_mask, pad_rows
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
UNLABELLED = "..... ..... ....."
BY_HAND = {
    "deer": {
        "instanceOf": "0+000 ..00- 00.-.",
        "broader": "-000. .-+.. .+...",
        "hasLegend": "0.... ...+. ..-..",
        "hasShape": UNLABELLED,
        "variantOf": UNLABELLED,
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
        "variantOf": UNLABELLED,
    },
    "yield": {
        "instanceOf": ".-... .00.- 0..+0",
        "broader": "-.... .++.. .-.00",
        "hasLegend": UNLABELLED,
        "hasShape": UNLABELLED,
        "variantOf": UNLABELLED,
    },
    "stag": {
        "instanceOf": "0000. ..0+. .0-..",
        "broader": "+.... .--0. .-...",
        "hasLegend": UNLABELLED,
        "hasShape": UNLABELLED,
        "variantOf": UNLABELLED,
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
    options.setdefault("query_nodes", [graph.node(name) for name in BY_HAND])
    options.setdefault("facts", [(relation, graph.node(name)) for relation, name in FACTS_BY_HAND])
    return make_mask(graph, hierarchy=HIERARCHY, **options)


def test_every_cell_of_the_hand_worked_graph(graph):
    mask = build(graph)
    assert mask.relations == ("instanceOf", "broader", "hasLegend", "hasShape", "variantOf")
    assert mask.table.shape == (len(BY_HAND) + len(FACTS_BY_HAND), 5, 15) and mask.table.dtype == np.int8
    for query, rows in BY_HAND.items():
        for index, relation in enumerate(mask.relations):
            row = mask.table[mask.row(query), index]
            np.testing.assert_array_equal(row, cells(rows[relation]), err_msg=f"{query} {relation}")
    for (fact, node), text in FACTS_BY_HAND.items():
        for index, relation in enumerate(mask.relations):
            row = mask.table[mask.fact_row(fact, node), index]
            expected = text if relation == fact else UNLABELLED
            np.testing.assert_array_equal(row, cells(expected), err_msg=f"{fact} {node} {relation}")


def test_candidates_all_turns_unlabelled_cells_into_negatives_where_there_is_a_positive(graph):
    mask = build(graph, candidates="all")
    for query, rows in BY_HAND.items():
        for index, relation in enumerate(mask.relations):
            text = rows[relation] if rows[relation] == UNLABELLED else rows[relation].replace(".", "-")
            row = mask.table[mask.row(query), index]
            np.testing.assert_array_equal(row, cells(text), err_msg=f"{query} {relation}")
    text = FACTS_BY_HAND["hasLegend", "stag"].replace(".", "-")
    np.testing.assert_array_equal(mask.table[mask.fact_row("hasLegend", "stag"), 2], cells(text))


def test_without_inheritance_only_own_facts_are_positive(graph):
    mask = build(graph, inherit=False)
    for index, relation in enumerate(mask.relations):
        own = relation in ("instanceOf", "hasShape", "variantOf")
        text = BY_HAND["deer.de"][relation] if own else UNLABELLED
        np.testing.assert_array_equal(mask.table[mask.row("deer.de"), index], cells(text), err_msg=relation)
    # What an ancestor has is still no negative, beside a positive of the node's own.
    more = graph.replace_triples([*graph.named_triples(), ("deer.de", "hasLegend", "word")])
    mask = build(more, inherit=False)
    np.testing.assert_array_equal(mask.table[mask.row("deer.de"), 2], cells("0.... ...0. ..+.."))


def test_what_variants_differ_in_is_ignored_on_their_class(graph):
    more = graph.replace_triples([*graph.named_triples(), ("deer", "hasShape", "oct")])
    mask = build(more)
    np.testing.assert_array_equal(mask.table[mask.row("deer"), 3], cells("....0 +.... 0...."))


def test_kept_relations(graph):
    mask = build(graph, relations=["hasShape", "broader"])
    assert mask.relations == ("instanceOf", "broader", "hasShape")
    full = build(graph)
    for query in BY_HAND:
        np.testing.assert_array_equal(
            mask.table[mask.row(query)], full.table[full.row(query)][[0, 1, 3]], err_msg=query
        )
    assert mask.rows_for([("hasLegend", "stag"), ("hasShape", "tri")]).tolist() == [mask.fact_row("hasShape", "tri")]


def test_held_out_classes_are_ignored_everywhere(graph):
    held_out = graph.node("yield")
    mask = build(graph, ignored_nodes=[held_out])
    full = build(graph)
    ignored = [held_out, graph.node("yield.de")]
    assert (mask.table[:, :, ignored] == 0).all()
    rest = [node for node in range(len(graph.nodes)) if node not in ignored]
    np.testing.assert_array_equal(mask.table[:, :, rest], full.table[:, :, rest])
    m = mask.combine(np.arange(len(mask.table), dtype=np.int32)[:, None])
    assert (m[:, :, ignored] == 0).all()
    # deer.de lies below deer and is a query node: training shows it.
    mask = build(graph, ignored_nodes=[graph.node("deer")])
    assert (mask.table[:, :, graph.node("deer.cn")] == 0).all()
    assert mask.table[mask.row("deer.de"), 0, graph.node("deer.de")] == 1


def test_what_training_shows_is_never_ignored():
    triples = """
        seen hasPart darkred | darkred broader red | crimson broader red | held hasPart red | seen hasPart blue
        hound broader held | beagle broader hound | poodle broader held
    """
    graph = Graph.from_triples(tuple(part.split()) for line in triples.strip().splitlines() for part in line.split("|"))
    nodes = {name: graph.node(name) for name in graph.nodes}
    query_nodes = [nodes[name] for name in ("seen", "held", "beagle")]
    mask = make_mask(graph, query_nodes=query_nodes, hierarchy=["broader"], ignored_nodes=[nodes["held"], nodes["red"]])
    # Below a fact that is not shown are facts that are; below a held-out class is what a shown one lies below.
    assert mask.ignored_nodes.tolist() == sorted(nodes[name] for name in ("held", "poodle", "red"))
    cell = {name: mask.relations.index(name) for name in mask.relations}
    assert mask.table[mask.row("seen"), cell["hasPart"], nodes["darkred"]] == 1
    assert mask.table[mask.row("beagle"), cell["broader"], nodes["hound"]] == 1


def test_combination_of_query_nodes(graph):
    mask = build(graph)
    rows = mask.rows_for([("hasShape", "tri"), ("hasLegend", "stag"), ("instanceOf", "deer")])
    assert rows.dtype == np.int32 and len(rows) == 3
    other = mask.rows_for([("instanceOf", "stop")])
    m = mask.combine(pad_rows([rows, other, np.zeros(0, np.int32)]))
    assert m.shape == (3, 5, 15) and m.dtype == np.int8 and set(np.unique(m)) == {-1, 0, 1}
    assert (m[2] == 0).all()
    # The shape row of the fact, the other rows of the class; where both are unlabelled, ignored.
    for index, text in enumerate(
        ["0+000 ..00- 00.-.", "-000. .-+.. .+...", "0.... ...+. ..-..", "....- -.... +....", UNLABELLED]
    ):
        np.testing.assert_array_equal(m[0, index], np.where(cells(text) == -2, 0, cells(text)))
    single = mask.table[mask.row("stop")].copy()
    single[single == -2] = 0
    np.testing.assert_array_equal(m[1], single)
    both = mask.combine(np.array([mask.row("stop"), mask.row("deer"), -1], np.int32))
    assert both[0, graph.node("stop")] == both[0, graph.node("deer")] == 1
    assert both[0, graph.node("yield")] == -1
    np.testing.assert_array_equal(both, mask.combine(np.array([-1, mask.row("deer"), mask.row("stop")])))
    batch = np.array([[[0, -1], [1, 2]], [[-1, -1], [3, 4]]], np.int32)
    assert mask.combine(batch).shape == (2, 2, 5, 15)
    np.testing.assert_array_equal(mask.combine(batch)[1, 1], mask.combine(batch[1, 1]))


def test_errors(graph):
    mask = build(graph)
    with pytest.raises(UserError, match="road is no query node"):
        mask.row("road")
    with pytest.raises(UserError, match=r"The mask has no relation 'hasShap', did you mean 'hasShape'"):
        mask.fact_row("hasShap", "tri")
    with pytest.raises(UserError, match=r"\(hasShape, oct\) is no fact"):
        mask.fact_row("hasShape", "oct")
    with pytest.raises(UserError, match=r"'ranges'; expected one of range, all"):
        build(graph, candidates="ranges")
    with pytest.raises(UserError, match="no relation 'hasShap'"):
        build(graph, relations=["hasShap"])
    cyclic = graph.replace_triples([*graph.named_triples(), ("road", "broader", "deer.de")])
    with pytest.raises(UserError, match=r"has a cycle: .*deer -> warn -> road -> deer\.de -> deer"):
        build(cyclic)
    clash = Graph.from_triples([("a", "x:instanceOf", "b")])
    with pytest.raises(UserError, match="Two relations have the same local name"):
        make_mask(clash, query_nodes=[0])


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
def test_guarantees_on_random_graphs(candidates, inherit):
    negatives = positives = 0
    for seed in range(60):
        graph, rng = random_graph(seed)
        count = len(graph.nodes)
        held_out = sorted({int(node) for node in rng.choice(count, 2, replace=False)})
        query_nodes = [node for node in range(count) if node not in held_out]
        facts = [(graph.relations[r], int(graph.objects(r)[0])) for r in range(len(graph.relations))]
        options = {"hierarchy": ("up", "over"), "candidates": candidates, "inherit": inherit}
        mask = make_mask(graph, query_nodes=query_nodes, facts=facts, ignored_nodes=held_out, **options)
        assert (mask.table[:, :, held_out] == 0).all()
        mask = make_mask(graph, query_nodes=range(count), facts=facts, **options)
        above = closure.ancestors(graph, closure.present(graph, ("up", "over")))
        below = closure.descendants(above)
        for query, row in mask.query_rows.items():
            cells_of = mask.table[row]
            assert np.flatnonzero(cells_of[0] == 1).tolist() == [query]
            line = sorted({query} | above[query] | below[query])
            assert (cells_of[0, line] >= 0).all()
            for index, relation in enumerate(mask.relations):
                positive = np.flatnonzero(cells_of[index] == 1).tolist()
                if not positive:
                    assert (cells_of[index] == -2).all()
                    continue
                assert (cells_of[index, sorted(set().union(*(above[k] for k in positive)))] >= 0).all()
                if relation in ("up", "over"):
                    assert set(positive) <= above[query]
                    assert (cells_of[index, line] >= 0).all()
                else:
                    lower = sorted(set().union(*(below[k] for k in positive)))
                    assert (cells_of[index, lower] >= 0).all()
                if index:
                    assert set(graph.tails(query, relation)) <= set(positive)
                    inherited = {t for a in above[query] for t in graph.tails(a, relation)}
                    assert (cells_of[index, sorted(inherited)] >= int(inherit)).all()
                    if candidates == "range":
                        assert set(np.flatnonzero(cells_of[index] == -1)) <= set(graph.objects(relation))
                positives += len(positive)
                negatives += int((cells_of[index] == -1).sum())
        for (index, node), row in mask.fact_rows.items():
            assert mask.table[row, index, node] == 1
            assert (mask.table[row, index, sorted(above[node] | below[node])] >= 0).all()
            assert (np.delete(mask.table[row], index, axis=0) == -2).all()
    assert positives > 500 and negatives > 500


def written_out(graph, *, query_nodes, facts, ignored_nodes, hierarchy, candidates, inherit, relations):
    """The rules of `make_mask`, one query node and one set at a time: the oracle of the rows."""
    levels = closure.present(graph, hierarchy)
    own = {relation: closure.ancestors(graph, (relation,)) for relation in levels}
    above = closure.ancestors(graph, levels)
    below = closure.descendants(above)
    everyone = range(len(graph.nodes))

    def line(nodes):
        return {*nodes}.union(*(above[node] | below[node] for node in nodes))

    def tails(nodes, relation):
        if relation in own:
            return set().union(*(own[relation][node] for node in nodes))
        return {t for h, r, t in graph.triples.tolist() if r == relation and h in nodes}

    def objects(relation):
        return everyone if candidates == "all" else {t for _, r, t in graph.triples.tolist() if r == relation}

    kept = [r for r in range(len(graph.relations)) if relations is None or graph.relations[r] in relations]
    table = np.full((len(query_nodes) + len(facts), 1 + len(kept), len(everyone)), -2, np.int8)

    def write(row, column, negative, ignored_negatives, positive):
        for nodes, value in ((negative, -1), (ignored_negatives, 0), (positive, 1)):
            table[row, column, sorted(nodes)] = value

    for row, query in enumerate(query_nodes):
        free = [(h, t) for h, r, t in graph.triples.tolist() if r not in own]
        kin = line({query})
        values = {t for h, t in free if h in kin}
        holders = {h for h, t in free if t in kin}
        related = kin | values.union(*(above[node] for node in values)) | line(holders)
        alike = everyone if candidates == "all" else graph.nodes_of_type(graph.types[query])
        write(row, 0, alike, related, {query})
        for column, relation in enumerate(kept, start=1):
            positive = tails({query} | above[query] if inherit else {query}, relation)
            if positive:
                ignored_negatives = kin if relation in own else line(tails(kin, relation))
                write(row, column, objects(relation), ignored_negatives, positive)
    for row, (name, node) in enumerate(facts, start=len(query_nodes)):
        relation = graph.relation(name)
        if relation in kept:
            true = {node} | (own[relation][node] if relation in own else set())
            write(row, 1 + kept.index(relation), objects(relation), line({node}), true)
    shown = {int(node) for row in table[[query not in ignored_nodes for query in query_nodes] + [True] * len(facts)]
             for node in np.flatnonzero((row == 1).any(0))}  # fmt: skip
    ignored = {*ignored_nodes} | (set().union(*(below[node] for node in ignored_nodes if node in query_nodes)) - shown)
    table[:, :, sorted(ignored)] = 0
    return table, sorted(ignored)


@pytest.mark.parametrize(("candidates", "inherit"), [*itertools.product(("range", "all"), (True, False))])
def test_rows_are_the_rules_written_out(candidates, inherit):
    values = set()
    for seed in range(60):
        graph, rng = random_graph(seed)
        count = len(graph.nodes)
        options = {
            "query_nodes": rng.permutation(count)[: rng.integers(1, count + 1)].tolist(),
            "facts": [(graph.relations[r], int(graph.objects(r)[-1])) for r in (0, 1)],
            "hierarchy": ("up", "over"),
            "candidates": candidates,
            "inherit": inherit,
            "relations": ("has", "over", "up") if seed % 2 else None,
            "ignored_nodes": rng.choice(count, seed % 3, replace=False).tolist(),
        }
        if seed % 2:
            options["facts"] = [fact for fact in options["facts"] if fact[0] in options["relations"]]
        mask = make_mask(graph, **options)
        expected, ignored = written_out(graph, **options)
        np.testing.assert_array_equal(mask.table, expected, err_msg=f"seed {seed}")
        assert not mask.table.flags.writeable and mask.table is mask.table
        assert mask.ignored_nodes.tolist() == ignored
        check_parts(mask)
        values |= set(np.unique(expected).tolist())
    assert values == {-2, -1, 0, 1}


def check_parts(mask):
    """Asserts what users of the candidate sets and entries build on."""
    graph, ignored = mask.graph, set(mask.ignored_nodes.tolist())
    cells = []
    for entries in (mask.positive, mask.ignored_negatives):
        assert [array.dtype.name for array in entries] == ["int64", "int32", "int32"]
        assert not any(array.flags.writeable for array in entries)
        assert entries.start[0] == 0 and entries.start[-1] == len(entries.node) == len(entries.relation)
        rows = np.repeat(np.arange(len(mask.supervised)), np.diff(entries.start))
        cells.append([*zip(rows.tolist(), entries.relation.tolist(), entries.node.tolist(), strict=True)])
        assert cells[-1] == sorted(set(cells[-1])) and ignored.isdisjoint(entries.node.tolist())
    assert set(cells[0]).isdisjoint(cells[1])
    assert mask.supervised.dtype == bool and mask.supervised.shape == (len(mask.table), len(mask.candidate_sets))
    seen = set()
    for candidate_set in mask.candidate_sets:
        nodes = candidate_set.nodes.tolist()
        assert candidate_set.nodes.dtype == np.int32 and nodes == sorted(nodes) and ignored.isdisjoint(nodes)
        assert seen.isdisjoint((candidate_set.relation, node) for node in nodes)
        seen |= {(candidate_set.relation, node) for node in nodes}
    assert [candidate_set.relation for candidate_set in mask.candidate_sets] == sorted(
        candidate_set.relation for candidate_set in mask.candidate_sets
    )
    assert {candidate_set.relation for candidate_set in mask.candidate_sets} == set(range(len(mask.relations)))
    # A row is labelled under a relation only if it is supervised in one of its candidate sets, and then in one alone.
    in_sets = np.stack(
        [mask.supervised[:, [s.relation == j for s in mask.candidate_sets]].sum(1) for j in range(mask.table.shape[1])]
    )
    shown = [node for node in range(len(graph.nodes)) if node not in ignored]
    labelled = (mask.table[:, :, shown] != -2).any(2).T
    assert in_sets.max() <= 1 and not (labelled & (in_sets == 0)).any()


def test_candidate_sets_of_the_hand_worked_graph(graph):
    mask = build(graph)
    candidate_sets = [
        (mask.relations[s.relation], " ".join(graph.nodes[k] for k in s.nodes)) for s in mask.candidate_sets
    ]
    assert candidate_sets == [
        ("instanceOf", TYPES["Class"]),
        ("instanceOf", TYPES["Legend"]),
        ("instanceOf", TYPES["Variant"]),
        ("broader", "animal prio road warn"),
        ("hasLegend", "stag word"),
        ("hasShape", "dia oct tri"),
        ("variantOf", "deer yield"),
    ]
    supervised = {query: "".join(map(str, map(int, mask.supervised[mask.row(query)]))) for query in BY_HAND}
    assert supervised == {
        "deer": "1001100",
        "deer.de": "0011111",
        "stop": "1001110",
        "yield": "1001000",
        "stag": "0101000",
    }
    row = mask.fact_row("hasShape", "tri")
    assert mask.supervised[row].tolist() == [False] * 5 + [True, False]


def test_all_candidates_are_one_array(graph):
    mask = build(graph, candidates="all", ignored_nodes=[graph.node("yield")])
    assert [candidate_set.relation for candidate_set in mask.candidate_sets] == list(range(5))
    assert all(candidate_set.nodes is mask.candidate_sets[0].nodes for candidate_set in mask.candidate_sets)
    ignored = [graph.node("yield"), graph.node("yield.de")]
    assert mask.candidate_sets[0].nodes.tolist() == sorted({*range(15)} - {*ignored})


def test_a_row_whose_only_positive_is_ignored_is_still_supervised():
    pairs = Graph.from_triples([("a", "has", "x"), ("b", "has", "y")])
    mask = make_mask(pairs, query_nodes=[pairs.node("a")], ignored_nodes=[pairs.node("x")])
    assert mask.positive.relation.tolist() == [0]
    assert mask.supervised.all()
    assert mask.table[0, 1].tolist() == [-2, -2, 0, -1]


def test_facts_without_query_nodes(graph):
    mask = build(graph, query_nodes=[])
    assert [candidate_set.relation for candidate_set in mask.candidate_sets] == [1, 2, 3, 4] and len(
        mask.supervised
    ) == len(FACTS_BY_HAND)
    text = FACTS_BY_HAND["hasShape", "tri"]
    np.testing.assert_array_equal(mask.table[mask.fact_row("hasShape", "tri"), 3], cells(text))


def test_a_large_mask_needs_no_dense_table():
    count, classes = 6000, 3000
    rng = np.random.default_rng(0)
    names = [f"n{node:04}" for node in range(count)]
    parents = [int(rng.integers(node)) for node in range(1, count)]
    triples = [(names[node], "broader", names[parent]) for node, parent in enumerate(parents, start=1)]
    tree = Graph.from_triples(triples)
    tracemalloc.start()
    try:
        mask = make_mask(tree, query_nodes=range(count - classes, count), hierarchy=("broader",))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    dense = len(mask.supervised) * len(mask.relations) * count
    assert peak < dense / 2
    # Rows are made a few hundred at a time, and do not depend on their neighbours.
    for row in (0, 511, 512, classes - 1):
        alone = make_mask(tree, query_nodes=[count - classes + row], hierarchy=("broader",))
        for many, one in ((mask.positive, alone.positive), (mask.ignored_negatives, alone.ignored_negatives)):
            part = slice(*many.start[row : row + 2])
            np.testing.assert_array_equal(many.relation[part], one.relation)
            np.testing.assert_array_equal(many.node[part], one.node)
    assert sum(array.nbytes for array in (*mask.positive, *mask.ignored_negatives)) < dense / 20

"""National variants: found, chosen by style, chosen by what an image shows."""

from kgv_jax.kg.graph import Graph
from kgv_jax.kg.variants import closest_variant, find_variants, variants_used_in

GRAPH = Graph.from_triples(
    [
        ("yield.de", "variantOf", "yield"),
        ("yield.us", "variantOf", "yield"),
        ("yield.de", "usedIn", "de"),
        ("yield.us", "usedIn", "us"),
        ("yield.de", "hasColour", "red"),
        ("yield.us", "hasColour", "yellow"),
        ("stop", "hasColour", "red"),
    ]
)
YIELD, STOP, DE, US = map(GRAPH.node, ("yield", "stop", "yield.de", "yield.us"))


def test_every_class_is_listed_with_its_variants():
    assert find_variants(GRAPH, [YIELD, STOP], relation="variantOf") == {YIELD: (DE, US), STOP: ()}
    assert find_variants(GRAPH, [YIELD], relation="formOf") == {YIELD: ()}


def test_the_style_reports_which_variant_a_country_has():
    variants = find_variants(GRAPH, [YIELD, STOP], relation="variantOf")
    assert variants_used_in(GRAPH, variants, "us", relation="usedIn") == {YIELD: US}
    assert variants_used_in(GRAPH, variants, "cn", relation="usedIn") == {}


def test_a_composition_is_of_the_variant_that_states_what_it_shows():
    assert closest_variant(GRAPH, (DE, US), [("hasColour", "yellow")]) == US
    assert closest_variant(GRAPH, (DE, US), [("hasColour", "red")]) == DE
    assert closest_variant(GRAPH, (), [("hasColour", "red")]) is None

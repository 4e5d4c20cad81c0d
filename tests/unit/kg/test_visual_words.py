"""Facts from descriptions: colours and shared words; what is denied, rare or stated of all is no fact."""

from kgv_jax.kg.visual_words import COLOUR, LEAST_CLASSES, LOOKS, read_looks

_BIRD = "A small bird with a white bill and striped wings, usually without a crest"


def _with_others(**texts):
    """Adds descriptions in which bills, stripes and wings are common enough, in a crowd that has none."""
    birds = {f"bird{k}": "striped wing, bill, crest" for k in range(LEAST_CLASSES)}
    colours = {f"colour{k}": "white and grey" for k in range(LEAST_CLASSES)}
    crowd = {f"other{k}": f"unique{'abcdefghijklmnopqrstuvwxyz'[k]}" for k in range(26)}
    return birds | colours | crowd | texts


def test_colours_and_shared_words():
    looks = read_looks(_with_others(bird=_BIRD))["bird"]
    assert looks == [(COLOUR, "white"), (LOOKS, "bill"), (LOOKS, "striped"), (LOOKS, "wing")]


def test_what_is_denied_is_no_fact():
    assert (LOOKS, "crest") in read_looks(_with_others(bird="a crest"))["bird"]
    for text in ("no crest", "lacks the crest", "striped rather than with a crest", "not a crest"):
        assert (LOOKS, "crest") not in read_looks(_with_others(bird=text))["bird"]
    assert read_looks(_with_others(bird="no crest, but a bill"))["bird"] == [(LOOKS, "bill")]


def test_two_spellings_and_plurals_are_one_word():
    looks = read_looks(_with_others(bird="grey wings, gray wing"))["bird"]
    assert looks == [(COLOUR, "gray"), (LOOKS, "wing")]


def test_rare_words_and_words_of_all_are_no_facts():
    everywhere = {f"thing{k}": "glossy" for k in range(40)}
    looks = read_looks(_with_others(bird="glossy rareword bill") | everywhere)
    assert looks["bird"] == [(LOOKS, "bill")] and looks["thing0"] == []


def test_a_colour_of_most_classes_is_still_a_fact():
    looks = read_looks({f"snow{k}": "white" for k in range(9)})
    assert looks["snow0"] == [(COLOUR, "white")]


def test_nothing_to_read():
    assert read_looks({}) == {}

"""The emoji data set: styles as domains, families apart."""

import pytest

from kgv_jax.data.prepare.emoji import prepare_emoji
from kgv_jax.data.sources import emoji
from kgv_jax.kg.wordnet import WordNet
from kgv_jax.util.errors import UserError
from tests.emoji_files import write_archives
from tests.wordnet_files import write_wordnet


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    folder = tmp_path_factory.mktemp("emoji")
    concepts, styles = write_archives(folder / "archives")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KGV_JAX_CACHE", str(folder / "kgv"))
        write_wordnet(folder / "wordnet")
        prepare_emoji(
            archives=folder / "archives",
            concepts_package=concepts,
            styles=styles,
            cache=folder / "cache",
            wordnet=WordNet(folder / "wordnet"),
        )
    return folder / "cache"


def test_styles_are_domains(cache):
    dataset = emoji.load(source="noto+fxemoji", targets=("openmoji",), cache=cache, validation_fraction=1.0)
    assert dataset.classes == ("banana", "crab", "grapes", "red-heart") and dataset.render_views
    assert len(dataset.train) == len(dataset.validation) == 4
    assert {p.label for p in dataset.train} == {p.label for p in dataset.validation} == set(dataset.classes)
    assert not {p.id for p in dataset.train} & {p.id for p in dataset.validation}
    assert {p.domain for p in dataset.domains["openmoji"]} == {"openmoji"}
    assert dataset.domains["noto+fxemoji"] == dataset.train
    assert dataset.train[0].load(16).shape == (16, 16, 4)


def test_the_seed_chooses_what_is_held_out(cache):
    def held(seed, fraction=1.0):
        options = {"source": "noto+fxemoji", "targets": ("openmoji",), "cache": cache}
        return [p.id for p in emoji.load(**options, seed=seed, validation_fraction=fraction).validation]

    assert held(0) == held(0)
    assert len({tuple(held(seed)) for seed in range(6)}) > 1
    assert len(held(0, 0.5)) == 2


def test_all_drawings_of_a_hand_are_held_out_together(monkeypatch, cache):
    monkeypatch.setattr(emoji, "FAMILIES", {"noto": "one", "fxemoji": "one", "openmoji": "two"})
    options = {"source": "noto+fxemoji+openmoji", "targets": (), "cache": cache, "validation_fraction": 1.0}
    for seed in range(6):
        dataset = emoji.load(**options, seed=seed)
        drawing_styles = {(emoji.FAMILIES[p.domain], p.label) for p in dataset.validation}
        assert len(drawing_styles) == 4 and not drawing_styles & {
            (emoji.FAMILIES[p.domain], p.label) for p in dataset.train
        }


def test_one_style_has_nothing_to_hold_out(cache):
    dataset = emoji.load(source="noto", targets=("openmoji",), cache=cache)
    assert len(dataset.train) == 4 and len(dataset.validation) == 0


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"source": "emojione", "targets": ("emojione_monotone",)}, r"'emojione_monotone', which shares drawings with"),
        ({"source": "openmoji+noto", "targets": ("fxemoji", "openmoji_black")}, r"'openmoji_black', .*with 'openmoji'"),
        ({"source": "notto"}, r"source has the style 'notto', did you mean 'noto'"),
        ({"source": "noto+noto"}, r"'noto\+noto'; name each style once"),
        ({"targets": ("apple",)}, r"targets has the style 'apple'"),
        ({"source": "noto", "targets": ("twemoji",)}, r"no style 'twemoji'; delete"),
        ({"source": "noto", "targets": ("openmoji",), "validation_fraction": 2}, r"validation_fraction is 2"),
    ],
)
def test_what_cannot_be_is_refused(cache, options, match):
    with pytest.raises(UserError, match=match):
        emoji.load(cache=cache, **options)


def test_the_published_split_keeps_families_apart():
    learnt = {emoji.FAMILIES[style] for style in emoji.SOURCE.split("+")}
    assert len(emoji.TARGETS) >= 5 and not learnt & {emoji.FAMILIES[style] for style in emoji.TARGETS}

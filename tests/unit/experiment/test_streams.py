"""Training streams: heads, labels and weights of each example; low-data runs."""

import numpy as np
import pytest

from kgv_jax.config import schema as config_schema
from kgv_jax.data.source_images import SourceImages
from kgv_jax.data.types import Dataset, SourceImage
from kgv_jax.experiment.streams import AnotherView, make_streams
from kgv_jax.experiment.synthetic_images import SyntheticImages
from kgv_jax.kg.mask import make_mask
from kgv_jax.kg.variants import find_variants
from tests import tiny


def _image(name, label, depicts=()):
    def load(size_px):
        return np.full((size_px, size_px, 4), 255, np.uint8)

    return SourceImage(name, "de", label, load, depicts)


def _streams(*, labelled, fraction=1.0, shots=0):
    graph = tiny.Graph.from_triples([*tiny.TRIPLES, ("yield.de", "usedIn", "de")], types=tiny.TYPES)
    class_nodes = np.array([graph.node(name) for name in tiny.CLASSES])
    variants = find_variants(graph, class_nodes, relation="variantOf")
    heads = [*class_nodes, *(v for own in variants.values() for v in own), graph.node("red")]
    facts = [("hasColour", graph.node("yellow")), ("hasShape", graph.node("triangle"))]
    mask = make_mask(graph, query_nodes=heads, facts=facts, hierarchy=tiny.HIERARCHY)
    train = SourceImages((_image(f"de/{name}/{k}", name) for name in tiny.CLASSES for k in range(2)), tiny.CLASSES)
    composition = _image("c", "yield", (("hasColour", "yellow"), ("hasShape", "triangle")))
    synthetic = SyntheticImages(
        elements=SourceImages((_image("e", None, (("instanceOf", "red"),)),)),
        compositions=SourceImages((composition,), tiny.CLASSES),
    )
    config = config_schema.default_config()
    method = "kgv_compose_labelled" if labelled else "kgv_compose"
    config.update({"fraction": fraction, "shots": shots, "method": method})
    config.data.update({"size_px": 8, "train_views": 10})
    config.synthetic.update({"views": 3})
    dataset = Dataset(tiny.CLASSES, train, train.take([]), {"de": train}, "de", render_views=True)
    streams = make_streams(
        config_schema.resolve(config),
        dataset,
        graph=graph,
        mask=mask,
        class_nodes=class_nodes,
        variants=variants,
        synthetic=synthetic,
    )
    return mask, {stream.name: {**stream.arrays, "image": _pixels(stream)} for stream in streams}


def _pixels(stream):
    rows = np.arange(len(stream))
    return stream.images.read(rows, rows)


@pytest.mark.usefixtures("kgv_cache")
def test_source_images_have_their_class_and_their_countrys_variant_as_heads():
    mask, streams = _streams(labelled=False)
    train = streams["train"]
    assert train["image"].shape == (80, 8, 8, 3)
    assert (train["labelled"] == 1).all()
    for label, rows in zip(train["label"], train["mask_ids"], strict=True):
        name = tiny.CLASSES[label]
        expected = [mask.row(name)] + ([mask.row("yield.de")] if name == "yield" else [])
        assert rows[rows >= 0].tolist() == expected


def test_synthetic_images_enter_the_regulariser_only():
    mask, streams = _streams(labelled=False)
    assert (streams["elements"]["labelled"] == 0).all()
    assert (streams["compositions"]["labelled"] == 0).all()
    assert {row[row >= 0][0] for row in streams["elements"]["mask_ids"]} == {mask.row("red")}
    shown = {mask.fact_row("hasColour", "yellow"), mask.fact_row("hasShape", "triangle")}
    assert all(set(row[row >= 0]) == shown for row in streams["compositions"]["mask_ids"])


def test_labelled_compositions_have_the_heads_of_the_variant_that_was_rendered():
    mask, streams = _streams(labelled=True)
    compositions = streams["compositions"]
    assert (compositions["labelled"] == 1).all()
    assert (compositions["label"] == tiny.CLASSES.index("yield")).all()
    assert all(row[row >= 0].tolist() == [mask.row("yield"), mask.row("yield.us")] for row in compositions["mask_ids"])


def test_a_low_data_run_sees_some_of_the_same_views():
    whole, tenth = (_streams(labelled=False, fraction=f)[1] for f in (1.0, 0.1))
    assert len(tenth["train"]["label"]) == 8
    assert len(tenth["compositions"]["label"]) == len(whole["compositions"]["label"])
    np.testing.assert_array_equal(tenth["train"]["image"], whole["train"]["image"][::10])


def test_shots_are_training_images_of_each_class():
    whole, two = (_streams(labelled=False, shots=k)[1] for k in (0, 2))
    assert np.bincount(two["train"]["label"]).tolist() == [2] * len(tiny.CLASSES)
    np.testing.assert_array_equal(two["train"]["image"], whole["train"]["image"][::10])
    assert len(two["compositions"]["label"]) == len(whole["compositions"]["label"])


def test_another_view_is_of_the_same_source_image_and_never_the_same_one():
    image = np.array([3, 1, 3, 7, 1, 3, 3])
    another = AnotherView(image, seed=0)
    rows = np.tile(np.arange(7), 200)
    found = another(rows, np.arange(len(rows)))
    np.testing.assert_array_equal(image[found], image[rows])
    alone = image[rows] == 7
    assert (found[alone] == rows[alone]).all() and (found[~alone] != rows[~alone]).all()
    assert {int(f) for f in found[rows == 0]} == {2, 5, 6}  # every other one is chosen
    np.testing.assert_array_equal(found, another(rows, np.arange(len(rows))))
    assert (found != another(rows, np.arange(len(rows)) + 1)).any()
    assert (AnotherView(image, seed=1)(rows, np.arange(len(rows))) != found).any()

"""A generator's folder becomes element images; copies of evaluation images are refused by name."""

import math

import numpy as np
import pytest
from PIL import Image

from kgv_jax.config import schema as config_schema
from kgv_jax.data.synthetic_manifest import audit, read_manifest, refuse_copies
from kgv_jax.data.types import SourceImage
from kgv_jax.experiment import build as experiment
from kgv_jax.kg.graph import Graph
from kgv_jax.util.errors import UserError

GRAPH = Graph.from_triples(
    [
        ("stop", "hasColour", "red"),
        ("stop", "hasShape", "octagon"),
        ("yield", "hasColour", "red"),
        ("yield", "hasShape", "triangle"),
        ("park", "hasColour", "blue"),
    ],
    types={"red": "Colour", "blue": "Colour", "octagon": "Shape", "triangle": "Shape", "stop": "Class"},
)
TABLE = """image,prompt,node,relation
a/0.png,"a red, red thing",red,
a/1.png,red,red,instanceOf
b.png,blue,blue,
c.png,both,red,hasColour
c.png,both,triangle,hasShape
"""


def noise(seed, side=48):
    small = np.random.default_rng(seed).integers(0, 256, (6, 6, 3), dtype=np.uint8)
    return Image.fromarray(small).resize((side, side), Image.Resampling.BICUBIC)


@pytest.fixture
def folder(tmp_path):
    root = tmp_path / "made"
    (root / "a").mkdir(parents=True)
    for seed, name in enumerate(("a/0.png", "a/1.png", "b.png", "c.png")):
        noise(seed).save(root / name)
    (root / "manifest.csv").write_text(TABLE)
    return root


def test_rows_become_element_images(folder):
    images = read_manifest(folder, GRAPH).images
    assert [image.id for image in images] == [f"elements/{name}.png" for name in ("a/0", "a/1", "b", "c")]
    assert {(image.domain, image.label) for image in images} == {("elements", None)}
    assert [image.depicts for image in images] == [
        (("instanceOf", "red"),),
        (("instanceOf", "red"),),
        (("instanceOf", "blue"),),
        (("hasColour", "red"), ("hasShape", "triangle")),
    ]
    np.testing.assert_array_equal(images[2].load(48)[..., :3], np.asarray(noise(2)))
    assert read_manifest(folder / "manifest.csv", GRAPH).digest == read_manifest(folder, GRAPH).digest


def test_the_digest_follows_rows_and_bytes(folder):
    digests = {read_manifest(folder, GRAPH).digest}
    (folder / "manifest.csv").write_text(TABLE.replace("b.png,blue,blue", "b.png,blue,red"))
    digests.add(read_manifest(folder, GRAPH).digest)
    noise(9).save(folder / "c.png")
    digests.add(read_manifest(folder, GRAPH).digest)
    assert len(digests) == 3


def test_the_audit_reports_coverage_and_entropy(folder):
    whole, facts_colour, facts_shape, colour = audit(read_manifest(folder, GRAPH), GRAPH)
    assert whole.startswith("4 synthetic images (digest ")
    assert whole.endswith(") of 3 of 7 nodes, 1 to 2 each, median 1")
    entropy = -(2 / 3 * math.log2(2 / 3) + 1 / 3 * math.log2(1 / 3))
    assert colour == f"Colour: 2 of 2 values shown, entropy {entropy:.2f} of 1.00 bits"
    assert facts_colour == "hasColour: 1 of 2 values shown, entropy 0.00 of 1.00 bits; not shown: blue"
    assert facts_shape == "hasShape: 1 of 2 values shown, entropy 0.00 of 1.00 bits; not shown: octagon"


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("b.png", "d.png", r"line 4: the image 'd.png' does not exist\. Fix the row"),
        ("a/", "z/", "line 2: the image 'z/0.png' does not exist, and 1 others"),
        ("b.png,blue,blue", "b.png,blue,bleu", "line 4: The graph has no node 'bleu', did you mean 'blue'"),
        ("hasColour", "hasColor", "line 5: The graph has no relation 'hasColor', did you mean 'hasColour'"),
        ("b.png", "../b.png", r"line 4: the image is '\.\./b\.png'; expected a path below"),
        ("b.png", "/etc/b.png", "line 4: the image is '/etc/b"),
        ("node", "concept", "no column 'node'"),
    ],
)
def test_a_mistake_in_a_row(folder, old, new, words):
    (folder / "manifest.csv").write_text(TABLE.replace(old, new))
    with pytest.raises(UserError, match=words) as error:
        read_manifest(folder, GRAPH)
    assert str(error.value).startswith(str(folder / "manifest.csv"))


def test_a_folder_without_a_manifest(tmp_path):
    with pytest.raises(UserError, match=r"none: the manifest cannot be read .*expected a folder with manifest\.csv"):
        read_manifest(tmp_path / "none", GRAPH)
    with pytest.raises(UserError, match=r"manifest\.csv: the manifest cannot be read"):
        read_manifest(tmp_path, GRAPH)


def test_copies_of_evaluation_images_are_refused_by_name(folder):
    images = read_manifest(folder, GRAPH).images

    def test_image(seed):
        def load(size_px):
            pixels = np.asarray(noise(seed).resize((size_px, size_px)))
            return np.dstack([pixels, np.full(pixels.shape[:2], 255, np.uint8)])

        return SourceImage(f"cn/stop/{seed}.jpg", "cn", "stop", load)

    refuse_copies(images, [test_image(seed) for seed in range(50, 60)])
    refuse_copies(images, [])
    with pytest.raises(UserError, match=r"image b\.png is a near copy of the evaluation image cn/stop/2\.jpg"):
        refuse_copies(images, [test_image(seed) for seed in (50, 2)])
    with pytest.raises(UserError, match="and 1 others are copies too"):
        refuse_copies(images, [test_image(seed) for seed in (0, 2)])


@pytest.mark.usefixtures("kgv_cache")
def test_a_run_learns_from_the_folder_and_refuses_copies(folder, tmp_path):
    root = tmp_path / "set"
    for domain, start in {"de": 100, "cn": 200}.items():
        for label in ("stop", "yield"):
            (root / domain / label).mkdir(parents=True)
            for k in range(4):
                noise(start + 10 * len(label) + k).save(root / domain / label / f"{k}.png")
    table = tmp_path / "graph.csv"
    table.write_text("head,relation,tail\n" + "".join(f"{h},{r},{t}\n" for h, r, t in GRAPH.named_triples()))
    config = config_schema.default_config()
    config.update({"method": "kgv"})
    config.data.update({"name": "folder", "root": str(root), "source": "de", "targets": "cn", "size_px": 16})
    config.kg.update({"path": str(table)})
    config.synthetic.update({"manifest": str(folder), "elements_per_step": 4})
    config.train.update({"batch_size": 4})
    built = experiment.build(config_schema.resolve(config))
    assert any(note.startswith("4 synthetic images (digest ") for note in built.notes)
    elements = next(stream for stream in built.pipeline.streams if stream.name == "elements")
    assert (len(elements), elements.images.shape) == (4, (16, 16, 3))
    assert (elements.arrays["labelled"] == 0).all()
    shown = {built.mask.fact_row("hasColour", "red"), built.mask.fact_row("hasShape", "triangle")}
    assert {row for row in elements.arrays["mask_ids"][3].tolist() if row >= 0} == shown
    noise(2, side=64).save(root / "cn" / "stop" / "leak.jpg")
    with pytest.raises(UserError, match=r"image b\.png is a near copy of the evaluation image cn/stop/leak\.jpg"):
        experiment.build(config_schema.resolve(config))

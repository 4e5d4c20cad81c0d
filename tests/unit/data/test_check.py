"""The check of a folder finds what was planted, names each file, and its exit code says so."""

import shutil

import numpy as np
import pytest
from PIL import Image

from kgv_jax.data.check import check
from kgv_jax.data.sources import rendered_signs as drawn
from kgv_jax.util.errors import UserError
from tests import cli

CLASSES = ("stop", "yield", "no-entry")
GRAPH = """\
@prefix kgv: <https://kgv-jax.github.io/vocab#> .
@prefix sign: <https://kgv-jax.github.io/sign#> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
sign:stop a kgv:Class .
sign:yield a kgv:Class .
sign:halt a kgv:Class ; rdfs:label "yield" .
"""


def noise(path, seed, side=48):
    """An image like no other: smooth noise."""
    path.parent.mkdir(parents=True, exist_ok=True)
    small = np.random.default_rng(seed).integers(0, 256, (6, 6, 3), dtype=np.uint8)
    Image.fromarray(small).resize((side, side), Image.Resampling.BICUBIC).save(path)


@pytest.fixture
def root(tmp_path):
    seed = 0
    for domain, count in {"de": 5, "cn": 2}.items():
        for label in CLASSES:
            for k in range(count):
                seed += 1
                noise(tmp_path / "set" / domain / label / f"{k}.png", seed)
    return tmp_path / "set"


def test_a_clean_folder(root):
    (root / "de" / "stop" / "notes.txt").write_text("x")
    result = check(root)
    assert result.findings == ()
    assert result.facts[0] == "cn: 6 images of 3 classes, 2 to 2 per class, median 2; no-entry 2, stop 2, yield 2"
    assert result.facts[1].endswith("no-entry 5, stop 5, yield 5; not images: .txt 1")
    assert "--source=DOMAIN" in result.facts[2]
    assert "de: 9 images to train, 3 images to validation, 3 images to test" in check(root, source="de").facts


def test_many_classes_are_counted_and_the_rarest_named(tmp_path):
    for k in range(30):
        for n in range(1 + (k != 7)):
            noise(tmp_path / "de" / f"c{k:02}" / f"{n}.png", 100 * k + n)
    (fact, _) = check(tmp_path).facts
    assert "59 images of 30 classes, 1 to 2 per class, median 2; fewest: c07 1, c00 2, c01 2," in fact
    assert "c20" not in fact


def test_every_unreadable_file_is_named(root):
    for k in range(9):
        (root / "cn" / "stop" / f"bad{k}.png").write_bytes(b"\x89PNG\r\n")
    (root / "cn" / "yield" / "0.png").write_bytes(b"")
    (root / "cn" / "empty").mkdir()
    findings = check(root).findings
    for k in range(9):
        assert sum(f"{root / 'cn' / 'stop' / f'bad{k}.png'}: not a PNG" in line for line in findings) == 1
    assert any("yield/0.png: the file is empty" in line for line in findings)
    assert f"class folder with no image: {root / 'cn' / 'empty'}" in findings
    assert len(findings) == 11


def test_copies_across_domains(root):
    shutil.copy(root / "de" / "stop" / "0.png", root / "cn" / "stop" / "copy.png")
    with Image.open(root / "de" / "yield" / "1.png") as image:
        image.resize((32, 32)).save(root / "cn" / "yield" / "small.jpg", quality=80)
    findings = check(root).findings
    assert findings[1] == "the same file in cn and de: cn/stop/copy.png and de/stop/0.png"
    assert findings[0].startswith("near copies in cn and de: cn/yield/small.jpg and de/yield/1.png (")
    assert len(findings) == 2


def test_copies_within_the_source_count_where_the_split_parts_them(root):
    for k in range(5, 10):
        shutil.copy(root / "de" / "stop" / "0.png", root / "de" / "stop" / f"{k}.png")
    assert check(root).findings == ()
    findings = check(root, source="de").findings
    assert any(line.startswith("the same file in train and test: ") for line in findings)
    shutil.copy(root / "de" / "stop" / "0.png", root / "de" / "yield" / "9.png")
    assert any(line.startswith("the same file in two classes: de/stop/") for line in check(root).findings)


def test_drawings_are_copies_of_their_smaller_selves_alone(tmp_path):
    """Other signs of the same shape are no copies."""
    dataset = drawn.load(source="de", targets=("cn",))
    first = {source_image.label: source_image for source_image in dataset.train}
    for label in list(first)[:5]:
        for domain, side in {"a": 96, "b": 40}.items():
            path = tmp_path / domain / label / "0.png"
            path.parent.mkdir(parents=True)
            Image.fromarray(first[label].load(side)).save(path)
    findings = check(tmp_path).findings
    assert len(findings) == 5 and all(line.startswith("near copies in a and b: ") for line in findings)


def test_classes_are_held_against_a_graph(root, tmp_path):
    graph = tmp_path / "g.ttl"
    graph.write_text(GRAPH)
    (finding,) = check(root, graph=graph).findings
    assert "1 of 3 classes have no node of their own" in finding and "'no-entry'" in finding
    graph.write_text(GRAPH + "sign:no-entry a kgv:Class .\n")
    assert check(root, graph=graph).findings == ()
    assert f"{graph}: 3 classes, each with a node of its own" in check(root, graph=graph).facts
    (finding,) = check(root, graph=graph, class_by="label").findings
    assert "'yield': may mean" in finding


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nowhere"], "nowhere is no folder with folders in it"),
        (["set", "--source=fr"], "there is none for the source 'fr'"),
        (["set", "--graph=none.ttl"], "none.ttl"),
    ],
)
def test_mistakes(root, monkeypatch, capsys, arguments, words):
    monkeypatch.chdir(root.parent)
    assert cli.run("check-data", *arguments) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ") and words in error
    with pytest.raises(UserError):
        check(root / "de" / "stop")


def test_the_exit_code(root, capsys):
    assert cli.run("check-data", str(root)) == 0
    assert capsys.readouterr().out.endswith("no findings\n")
    (root / "cn" / "stop" / "bad.png").write_bytes(b"x")
    assert cli.run("check-data", str(root), "--source=de") == 1
    assert "\n1 finding:\n  " in capsys.readouterr().out


def test_dark_frames_of_two_signs_are_no_copies(root):
    """A frame without contrast says how bright it is and no more; the same file is still found."""
    for path, seed in ((root / "de" / "stop" / "dark.png", 1), (root / "cn" / "yield" / "dark.png", 2)):
        pixels = np.random.default_rng(seed).integers(0, 2, (48, 48, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(path)
    assert not [line for line in check(root).findings if "dark" in line]
    shutil.copy(root / "cn" / "yield" / "dark.png", root / "de" / "stop" / "dark.png")
    assert any("the same file in cn and de" in line and "dark" in line for line in check(root).findings)

"""The class tables against the graph, and the experiment that the three sets make."""

import collections
import importlib.resources
import shutil

import numpy as np
import pytest

from kgv_jax.data.boxed import read_classes
from kgv_jax.data.sources import belgium, gtsrb, road_photographs, tsrd
from kgv_jax.kg.load import load_graph
from kgv_jax.kg.mapping import map_classes
from kgv_jax.kg.names import local_name
from kgv_jax.kg.road_photographs import graph_path
from kgv_jax.util.errors import UserError
from tests import road_photographs as written


@pytest.fixture(scope="module")
def graph():
    return load_graph(graph_path()).graph


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return written.everything(tmp_path_factory.mktemp("sets"))


def codes(graph, country):
    """Returns class -> the number that the graph's variant of a country has in its comment."""
    found = {}
    for node in graph.nodes_of_type("Variant"):
        name, _, style = local_name(graph.nodes[node]).rpartition(".")
        if style == country:
            found[name] = graph.attributes[node]["comment"]
    return found


@pytest.mark.parametrize(
    ("file", "country"), [("gtsrb", "de"), ("tsrd", "cn"), ("tt100k", "cn"), ("rtsd", "ru"), ("belgium", "be")]
)
def test_classes_of_the_tables_are_signs_of_their_country(graph, file, country):
    table = read_classes(f"{file}_classes.csv")
    assert {label for _, label in table.values()} - {""} <= codes(graph, country).keys()


def test_the_tables_are_whole():
    assert list(read_classes("gtsrb_classes.csv")) == [str(number) for number in range(gtsrb.CLASSES)]
    assert list(read_classes("belgium_classes.csv")) == [str(number) for number in range(belgium.CLASSES)]
    assert list(read_classes("tsrd_classes.csv")) == [str(number) for number in range(tsrd.CLASSES)]
    mapped = [label for _, label in read_classes("gtsrb_classes.csv").values() if label]
    assert len(mapped) == len(set(mapped)) == gtsrb.CLASSES


def test_german_classes_have_the_number_of_the_german_catalogue(graph):
    numbers = codes(graph, "de")
    text = importlib.resources.files("kgv_jax.data.sources").joinpath("gtsrb_classes.csv").read_text()
    rows = [line.split(",") for line in text.splitlines() if line[0].isdigit()]
    assert all(numbers[label] == code for _, _, code, label in rows if label)
    assert not [code for _, _, code, label in rows if not label and code in numbers.values()]


def test_russian_classes_have_the_code_of_the_russian_standard(graph):
    numbers = codes(graph, "ru")
    for published, (said, label) in read_classes("rtsd_classes.csv").items():
        code, _, value = said.partition(" ")
        assert published.startswith(code.replace(".", "_")) and published.endswith(value)
        if label:
            assert numbers[label] == code
        if value:
            assert label.endswith(value) or (label, value) == ("end-of-speed-limit", "60")


def test_the_experiment(root, graph):
    data = road_photographs.load(root)
    assert data.classes == ("no-entry", "speed-limit-30", "stop") and data.source == "de" and not data.render_views
    assert len(map_classes(graph, data.classes)) == 3
    assert {name: len(images) for name, images in data.domains.items()} == {"de": 3, "cn": 3, "ru": 3}
    assert len(data.train) == 3 * 4 * 3 and len(data.validation) == 3 * 1 * 3
    everyone = [*data.train, *data.validation, *(p for part in data.domains.values() for p in part)]
    assert len({image.id for image in everyone}) == len(everyone)
    assert any(note.startswith("cn: tested on 3 of 3 classes. Not in de, left out: no-horn") for note in data.notes)
    assert any(note.startswith("ru: tested on 3 of 3 classes") for note in data.notes)


@pytest.mark.parametrize("fraction", [0.1, 0.2, 0.45])
def test_no_physical_sign_is_on_two_sides(root, fraction):
    def tracks(images):
        return {image.id.rpartition("_")[0] for image in images}

    data = road_photographs.load(root, validation_fraction=fraction)
    assert not tracks(data.train) & tracks(data.validation)
    assert len(tracks(data.train) | tracks(data.validation)) == 15


def test_without_a_test_part_other_tracks_are_held_out(root, tmp_path):
    shutil.copytree(root, tmp_path / "sets")
    shutil.rmtree(tmp_path / "sets" / "GTSRB" / "GTSRB" / "Final_Test")
    data = road_photographs.load(tmp_path / "sets")
    parts = (data.train, data.validation, data.domains["de"])
    tracks = collections.Counter(t for part in parts for t in {p.id.rpartition("_")[0] for p in part})
    assert len(tracks) == 15 and set(tracks.values()) == {1}
    assert [len(part) for part in parts] == [27, 9, 9]
    assert any("no published test part" in note for note in data.notes)


def test_the_seed_decides_the_split(root):
    splits = [[p.id for p in road_photographs.load(root, seed=seed).validation] for seed in (0, 0, 1, 2, 3)]
    assert splits[0] == splits[1] and len({tuple(split) for split in splits}) > 1


def test_a_class_with_one_sign_is_trained_on(tmp_path):
    written.everything(tmp_path)
    shutil.rmtree(tmp_path / "GTSRB")
    written.gtsrb(tmp_path / "GTSRB", tracks=1)
    data = road_photographs.load(tmp_path, targets=("ru",))
    assert len(data.train) == 9 and len(data.validation) == 0


def test_images_are_read_when_they_are_asked_for(root, monkeypatch):
    asked = []
    monkeypatch.setattr("kgv_jax.data.decode._read", lambda path: asked.append(path))
    road_photographs.load(root)
    assert asked == []


def test_a_image_shows_a_margin(root):
    data = road_photographs.load(root, margin=0.1)
    pixels = data.train[0].load(24)
    np.testing.assert_array_equal(pixels[0, 0], (128, 128, 128, 255))
    assert pixels[12, 12, 1] == 0
    tight = road_photographs.load(root).train[0].load(24)
    assert tight[12, 0, 1] < 100, "without a margin the sign fills the image"


def test_folders_are_found_in_any_case(root, tmp_path):
    shutil.copytree(root, tmp_path / "sets")
    (tmp_path / "sets" / "TSRD").rename(tmp_path / "sets" / "tsrd")
    assert len(road_photographs.load(tmp_path / "sets").domains["cn"]) == 3


def test_codes_with_other_values(tmp_path):
    written.everything(tmp_path)
    table = tmp_path / "RTSD" / "rtsd-r1" / "numbers_to_classes.csv"
    table.write_text(table.read_text().replace("3_24_n30", "3_24_n15").replace("5_20", "3_11_n7"))
    data = road_photographs.load(tmp_path)
    assert sorted(image.label for image in data.domains["ru"]) == ["no-entry", "stop"]
    assert any("Not in de, left out: weight-limit." in note for note in data.notes)
    assert any(note.startswith("ru: 1 of 4") and note.endswith("left out: 3.24.") for note in data.notes)


@pytest.mark.parametrize(
    ("options", "reported"),
    [
        ({"source": "germany"}, r"config\.data\.source is 'germany'; .* one source, 'de'"),
        ({"targets": ("cn", "us")}, r"config\.data\.targets has 'us'.*cn, cn-tt100k, cn-tsrd, ru, be"),
        ({"targets": ("cn", "cn")}, r"name each domain once"),
        ({"validation_fraction": 0.5}, r"validation_fraction is 0\.5; expected more than 0"),
    ],
)
def test_wrong_options_are_reported(root, options, reported):
    with pytest.raises(UserError, match=reported):
        road_photographs.load(root, **options)


def test_missing_sets_are_reported(tmp_path):
    with pytest.raises(UserError, match=r"config\.data\.root is ''; expected the folder that holds the folders"):
        road_photographs.load("")
    with pytest.raises(UserError, match=r"no such folder; expected the folders GTSRB, TSRD, RTSD"):
        road_photographs.load(tmp_path / "none")
    with pytest.raises(UserError, match=r"the folder is empty"):
        road_photographs.load(tmp_path)
    written.everything(tmp_path)
    shutil.rmtree(tmp_path / "RTSD")
    with pytest.raises(UserError, match=r"no folder RTSD, the images of 'ru'; unpack it there, or take 'ru' out"):
        road_photographs.load(tmp_path)
    table = tmp_path / "TSRD" / "TSRD-Test Annotation" / "TsignRecgTest1994Annotation.txt"
    table.write_text(table.read_text().splitlines()[-1])
    with pytest.raises(UserError, match=r"TSRD: no sign of a class of GTSRB"):
        road_photographs.load(tmp_path, targets=("cn",))


@pytest.mark.parametrize("target", ["cn", "ru"])
def test_names_that_both_parts_have_are_different_signs(root, target):
    """TSRD and RTSD call the files of both parts alike; the oracle trains on those of the training part."""
    data = road_photographs.load(root, targets=(target,), target_images=4)
    shown = [image for image in data.train if image.domain == target]
    assert len(shown) == 3 and not {image.id for image in shown} & {image.id for image in data.domains[target]}
    assert not any("its test part shows too" in note for note in data.notes)

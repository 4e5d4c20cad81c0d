"""DVM-CAR as published, its shifts, and what is wrong with a broken copy."""

import collections
import shutil

import pytest

from configs import cars as config
from kgv_jax.config.schema import resolve
from kgv_jax.data.sources import cars
from kgv_jax.kg.cars import make_graph, values_of
from kgv_jax.kg.mapping import map_classes
from kgv_jax.util.errors import UserError
from tests import cars as written

SHIFTS = {
    "colour": ("black+silver", ("red",)),
    "viewpoint": ("0+45", ("270",)),
    "year": ("2003-2009", ("2011+2013",)),
}


@pytest.fixture
def root(tmp_path):
    return written.write(tmp_path)


def load(root, shift="colour", **options):
    source, targets = SHIFTS.get(shift, SHIFTS["colour"])
    return cars.load(root, **{"shift": shift, "source": source, "targets": targets} | options)


def adverts(images):
    return {image.id.split("$$")[5] + image.label for image in images}


@pytest.mark.parametrize("shift", SHIFTS)
def test_a_shift(root, shift):
    data = load(root, shift)
    assert data.classes == ("abarth-124-spider", "bentley-arnage", "kia-pro-cee-d")
    assert data.source == SHIFTS[shift][0] and not data.render_views
    parts = (data.train, data.validation, *data.domains.values())
    sizes = {"colour": (18, 9, 9, 18), "year": (18, 9, 9, 18), "viewpoint": (24, 6, 6, 3)}
    assert tuple(len(part) for part in parts) == sizes[shift]
    assert all(set(collections.Counter(p.label for p in part)) == set(data.classes) for part in parts)
    assert len({image.id for part in parts for image in part}) == sum(map(len, parts))


@pytest.mark.parametrize("shift", SHIFTS)
def test_no_car_is_on_two_sides(root, shift):
    data = load(root, shift)
    others = (data.validation, *data.domains.values())
    assert all(not adverts(data.train) & adverts(part) for part in others)
    assert not adverts(data.validation) & adverts(data.domains[data.source])


def test_classes_are_those_of_the_graph(root):
    data = load(root)
    graph = make_graph(root, shift="colour", domains=("black+silver", "red"))
    assert len(map_classes(graph, data.classes)) == 3


def test_a_image_is_its_file(root):
    data = load(root)
    image = data.domains["red"][0]
    _, _, year, colour, model, advert, _ = image.id.split("/")[-1].split("$$")
    assert colour == "Red" and int(year) == 2003 + 2 * int(advert) and model in written.MODELS
    assert abs(int(image.load(8)[4, 4, 0]) - 20 * int(advert)) < 3


def test_the_seed_decides_the_split(root):
    splits = [tuple(p.id for p in load(root, seed=seed).validation) for seed in (0, 0, 1, 2, 3)]
    assert splits[0] == splits[1] and len(set(splits)) > 1


def test_a_model_that_a_target_lacks(root):
    table = root / "tables_V2.0" / "Image_table.csv"
    lines = [line for line in table.read_text().splitlines() if not ("$$Red$$" in line and "Bentley" in line)]
    table.write_text("\n".join(lines))
    data = load(root)
    assert len(data.domains["red"]) == 12
    assert "red: tested on 2 of 3 models." in data.notes


def test_fronts_that_did_not_pass_are_left_out(root):
    table = root / "tables_V2.0" / "Image_table.csv"
    table.write_text(table.read_text().replace("image_0.jpg,0,P", "image_0.jpg,0,N"))
    data = load(root)
    assert not [p for p in data.train if p.id.endswith("image_0.jpg")]
    assert "18 of 54 images did not pass the check of quality, left out." in data.notes


def test_absent_images_are_left_out_and_noted(root):
    shutil.rmtree(root / "resized_DVM" / "Bentley" / "Arnage" / "2003")
    data = load(root)
    assert any(note.startswith("3 of 54 images are absent, left out; the first is") for note in data.notes)
    assert any("Bentley$$Arnage$$2003$$Black$$10_1$$0$$image_0.jpg" in note for note in data.notes)


def test_the_copy_of_kaggle_nests_folders_and_has_no_apostrophes(root):
    inner = root / "resized_DVM_clean" / "resized_DVM_clean"
    inner.parent.mkdir()
    (root / "resized_DVM").rename(inner)
    (inner / "Kia" / "Pro Cee'd").rename(inner / "Kia" / "Pro Ceed")
    for path in inner.rglob("*'*.jpg"):
        path.rename(path.with_name(path.name.replace("'", "")))
    data = load(root)
    assert len(data.train) == 18 and not [note for note in data.notes if "absent" in note]


def test_a_viewpoint_of_360_is_the_front(root):
    table = root / "tables_V2.0" / "Image_table.csv"
    table.write_text(table.read_text().replace("jpg,0,P", "jpg,360,P"))
    assert len(load(root, "viewpoint").train) == 24


@pytest.mark.parametrize(
    ("table", "old", "new", "reported"),
    [
        ("Image", "Predicted_viewpoint", "Viewpoint", r"Image_table\.csv: no column 'Predicted_viewpoint'"),
        ("Image", "$$10_1$$0$$image_1", "$$99_1$$0$$image_1", r"Image_table\.csv: line 21: the Genmodel_ID .* '99_1'"),
        ("Image", "2003$$Black$$10_1", "Black$$10_1", r"Image_table\.csv: line 20: Image_name is '.*'; expected brand"),
        ("Image", "jpg,45,", "jpg,,", r"line 3: Predicted_viewpoint is ''; expected degrees"),
        ("Basic", "10_1", "", r"Image_table\.csv: line 20: the Genmodel_ID"),
    ],
)
def test_broken_tables_are_reported(root, table, old, new, reported):
    path = root / "tables_V2.0" / f"{table}_table.csv"
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(UserError, match=reported):
        load(root, "viewpoint")


@pytest.mark.parametrize(
    ("options", "reported"),
    [
        ({"source": "pink"}, r"no image of the source 'pink' \(colour\)"),
        ({"targets": ("pink",)}, r"no image of the target 'pink' \(colour\) of a model that 'black\+silver' has"),
        ({"targets": ("pink",), "source": "gold"}, r"none of the images that .*Image_table\.csv names for gold"),
        ({"targets": ("red+silver",)}, r"has 'red\+silver', which shares silver with the source"),
        ({"targets": ()}, r"name one target or more"),
        ({"targets": ("red", "red")}, r"each domain once"),
        ({"validation_fraction": 0.0}, r"validation_fraction is 0\.0; expected more than 0"),
        ({"shift": "brand"}, r"config\.data\.shift is 'brand'"),
    ],
)
def test_wrong_options_are_reported(root, options, reported):
    with pytest.raises(UserError, match=reported):
        load(root, **options)


def test_what_is_missing_is_reported(root, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match=r"empty: the folder is empty; expected Image_table\.csv"):
        load(tmp_path / "empty")
    shutil.rmtree(root / "resized_DVM")
    with pytest.raises(UserError, match=r"no folder resized_DVM"):
        load(root)
    (root / "resized_DVM").mkdir()
    with pytest.raises(UserError, match=r"the first of 54 absent ones is .*image_0\.jpg"):
        load(root)
    (root / "tables_V2.0" / "Image_table.csv").unlink()
    with pytest.raises(UserError, match=r"no Image_table\.csv, neither there nor"):
        load(root)


def test_a_damaged_image_is_reported_when_it_is_read(root):
    image = load(root).train[0]
    path = next(root.rglob(image.id.split("/")[-1]))
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(UserError, match=r"image_\d\.jpg: .*damaged|not a PNG"):
        image.load(8)


@pytest.mark.parametrize("shift", SHIFTS)
def test_the_domains_of_the_config_are_domains(shift):
    data = resolve(config.get_config(shift)).data
    sets = [values_of(shift, name) for name in (data.source, *data.targets)]
    assert data.shift == shift and len(frozenset().union(*sets)) == sum(map(len, sets))


def test_a_config_of_another_shift_is_reported():
    with pytest.raises(UserError, match=r"configs/cars\.py is 'brand'; expected colour, viewpoint, year"):
        config.get_config("brand")

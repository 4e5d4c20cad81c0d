"""Icons of a graph's nodes: by label and by other names, of chosen types alone, read back as element images."""

import pytest

from kgv_jax.data import synthetic_manifest
from kgv_jax.data.prepare import icons as node_icons
from kgv_jax.kg.graph import Graph
from kgv_jax.util.errors import UserError
from tests import cli
from tests.emoji_files import bar, hook, icons, write_package

WOLF, BEAR, DOG = (f"https://example.org/things#{name}" for name in ("wolf", "bear", "dog"))


@pytest.fixture
def graph():
    return Graph.from_triples(
        [(DOG, "https://example.org/near", WOLF), (DOG, "https://example.org/near", BEAR)],
        types={DOG: "Class", WOLF: "Relative", BEAR: "Relative"},
        labels={DOG: "dog", WOLF: "wolf", BEAR: "Polar bear"},
        attributes={WOLF: {"altLabel": "grey wolf, Wolf"}},
    )


@pytest.fixture
def sets(tmp_path):
    first = icons({"wolf": hook("#000"), "dog": bar("#000", 3), "empty": ""})
    second = icons({"grey-wolf": bar("#00f", 5), "polar-bear": bar("#000", 9), "wolfhound": hook("#f00")})
    return write_package(tmp_path, "one", first), write_package(tmp_path, "two", second)


def test_nodes_of_the_types_get_their_icons_and_others_none(graph, sets, tmp_path):
    out = tmp_path / "out"
    assert node_icons.prepare_icons(graph, out, types=["Relative"], archives=tmp_path, sets=sets, size_px=32) == 3
    made = synthetic_manifest.read_manifest(out, graph)
    assert {image.id: image.depicts for image in made.images} == {
        "elements/one/wolf.png": (("instanceOf", WOLF),),
        "elements/two/grey-wolf.png": (("instanceOf", WOLF),),
        "elements/two/polar-bear.png": (("instanceOf", BEAR),),
    }
    assert made.images[0].load(32).shape == (32, 32, 4)


def test_types_are_the_users_choice(graph):
    assert node_icons.icon_names(graph, ["Relative", "Class"]).keys() == {"wolf", "grey-wolf", "polar-bear", "dog"}
    with pytest.raises(UserError, match=r"of type 'Relatives', did you mean 'Relative'.*one of Class, Relative"):
        node_icons.icon_names(graph, ["Relatives"])


def test_no_icon_at_all(graph, sets, tmp_path):
    with pytest.raises(UserError, match=r"No icon of 1 sets is named like one of the 1 names .* type Class"):
        node_icons.prepare_icons(graph, tmp_path / "out", types=["Class"], archives=tmp_path, sets=sets[1:])
    assert not (tmp_path / "out").exists()


def test_the_command_names_what_a_run_reads_next(sets, tmp_path, monkeypatch, capsys):
    prepare = node_icons.prepare_icons
    monkeypatch.setattr("kgv_jax.commands.data.prepare_icons", lambda *a, **k: prepare(*a, **k, sets=sets))
    out = tmp_path / "icons"
    arguments = ("--graph=pacs", "--types=Relative,Class", f"--from={tmp_path}", f"--out={out}")
    assert cli.run("prepare", "icons", *arguments) == 0
    assert f"3 images in {out}; a run reads them with --config.synthetic.manifest={out}" in capsys.readouterr().out

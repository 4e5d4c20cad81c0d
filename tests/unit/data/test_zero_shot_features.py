"""Features and splits of the zero-shot benchmarks: what is read, and what is wrong with files."""

import numpy as np
import pytest

from kgv_jax.data.sources.zero_shot_features import load
from kgv_jax.data.types import Reading
from kgv_jax.kg import attributes
from kgv_jax.kg.attribute_splits import read_splits
from kgv_jax.kg.load import load_graph
from kgv_jax.util.errors import UserError
from tests import cli, zero_shot_files
from tests.zero_shot_files import ATTRIBUTES, CLASSES, PER_CLASS, WIDTH


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return zero_shot_files.write(tmp_path_factory.mktemp("awa") / "AWA2")


def _numbers(images):
    return {int(image.id.removeprefix("photographs/")) for image in images}


def test_the_proposed_split(root):
    found = load(root)
    _, splits = zero_shot_files.variables()
    assert found.classes == CLASSES and found.published == {"unseen": ("dalmatian",), "validation": ("beaver",)}
    assert found.untrained == ("dalmatian",)
    learnt, held, tested = _numbers(found.train), _numbers(found.validation), _numbers(found.domains["photographs"])
    assert learnt | held == set(splits["trainval_loc"].ravel().astype(int)) and not learnt & held
    assert tested == {int(n) for key in ("test_seen_loc", "test_unseen_loc") for n in splits[key].ravel()}
    assert len(held) == 4 * round(0.2 * (PER_CLASS - 3))
    assert _numbers(load(root, seed=1).validation) != held


def test_an_image_has_its_own_features(root):
    values, _ = zero_shot_files.variables()
    train = load(root).train
    images, rows = train.open(Reading(8, "train", seed=0, views=5)), np.arange(len(train))
    assert (len(images), images.shape, images.dtype) == (len(train), (WIDTH,), np.float32)
    number = int(train.names[3])
    np.testing.assert_allclose(images.read(rows, rows)[3], values["features"][:, number - 1], rtol=1e-6)
    assert train.labels[3] == values["labels"][number - 1, 0] - 1 and train[3].label == CLASSES[train.labels[3]]
    assert [p.id for p in train[2:4]] == train.ids[2:4].tolist() == images.groups[2:4].tolist()
    with pytest.raises(UserError, match="is a feature vector and has no pixels"):
        train[0].load(8)


BROKEN = {
    "no_features": ({"features": None}, "res101.mat has no 'features'; it has .*labels"),
    "shapes": ({"features": np.zeros((4, 7))}, r"shape \(4, 7\) and the type float64, and there are 60 labels"),
    "nan": ({"features": np.full((WIDTH, 60), np.nan)}, "features have values that are no numbers"),
    "labels": ({"labels": np.full((60, 1), 6)}, "labels are not all whole numbers from 1 to 5"),
    "no_att": ({"original_att": None}, "att_splits.mat has no 'original_att'"),
    "att_shape": ({"original_att": ATTRIBUTES.T}, r"original_att has the shape \(5, 6\) with 5 allclasses_names"),
    "zero": ({"trainval_loc": np.array([[0], [1]])}, "trainval_loc has 2 numbers, the least is 0; .* from 1"),
    "beyond": ({"test_unseen_loc": np.array([[61]])}, "test_unseen_loc has the image 61, and res101.mat has 60"),
    "twice": ({"val_loc": np.array([[3], [3]])}, "val_loc has an image twice"),
    "overlap": ({"test_seen_loc": np.arange(1, 61)[:, None]}, "are in trainval_loc and in test_seen_loc"),
    "names": ({"allclasses_names": np.zeros((5, 1))}, "allclasses_names has a cell that is no text"),
    "empty": ({"test_unseen_loc": np.zeros((0, 1))}, "test_unseen_loc has 0 numbers; expected image numbers"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_broken_files_are_reported(case, tmp_path):
    changed, words = BROKEN[case]
    with pytest.raises(UserError, match=words):
        load(zero_shot_files.write(tmp_path / "set", **changed))


def test_a_class_on_both_sides_is_reported(tmp_path):
    _, splits = zero_shot_files.variables()
    moved = splits["trainval_loc"][:1]
    with pytest.raises(UserError, match="'antelope' is in trainval_loc and in test_unseen_loc"):
        load(zero_shot_files.write(tmp_path / "set", trainval_loc=splits["trainval_loc"][1:], test_unseen_loc=moved))


def test_files_of_other_kinds_are_reported(root, tmp_path):
    copy = zero_shot_files.write(tmp_path / "set")
    with pytest.raises(UserError, match=r"folder with|no such folder"):
        load(tmp_path / "nowhere")
    (copy / "att_splits.mat").unlink()
    with pytest.raises(UserError, match=r"att_splits\.mat: no such file"):
        load(copy)
    header = b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM"
    (copy / "att_splits.mat").write_bytes(header + b"\x89HDF\r\n\x1a\n" * 20)
    with pytest.raises(UserError, match=r"version 7\.3 \(HDF5\)"):
        load(copy)
    (copy / "att_splits.mat").write_bytes((root / "att_splits.mat").read_bytes()[:700])
    with pytest.raises(UserError, match=r"cannot be read as a MATLAB file|has no"):
        load(copy)
    (copy / "att_splits.mat").write_text("hello")
    with pytest.raises(UserError, match="cannot be read as a MATLAB file"):
        load(copy)
    with pytest.raises(UserError, match="these features are of one domain"):
        load(root, source="de")


def test_the_graph_of_the_attributes(root, tmp_path, capsys):
    above = attributes.binarise(ATTRIBUTES.T)
    np.testing.assert_array_equal(above[0], [True, False, False, True, False, True])
    flat = attributes.binarise(np.array([[1.0, 1.0], [1.0, 3.0], [1.0, 2.0]]))
    np.testing.assert_array_equal(flat, [[True, False], [False, True], [True, False]])  # one at least
    names = tmp_path / "predicates.txt"
    names.write_text("".join(f"{k + 1}\tname {k}\n" for k in range(6)))
    assert cli.run("build-graph", "attributes", str(root), f"--out={tmp_path / 'g.ttl'}", f"--names={names}") == 0
    assert "5 classes, 6 attributes" in capsys.readouterr().out
    graph = load_graph(tmp_path / "g.ttl").graph
    whale = graph.labels.index("killer+whale")
    stated = {graph.labels[t] for t in graph.tails(whale, "hasAttribute")}
    assert graph.types[whale] == "Class" and stated == {f"name {a}" for a in np.flatnonzero(above[2])}
    names.write_text("one\n")
    assert cli.run("build-graph", "attributes", str(root), f"--out={tmp_path / 'g.ttl'}", f"--names={names}") == 2
    assert "--names has 1 lines; expected one for each of the 6" in capsys.readouterr().err


def test_attributes_are_those_annotated(root):
    splits = read_splits(root)
    np.testing.assert_array_equal(splits.attributes, ATTRIBUTES.T)
    assert min(rows.min() for rows in splits.parts.values()) == 0

"""What loaders of boxed photographs share: groups that stay whole, a check for absent files, tables of classes."""

import collections
import pathlib

import numpy as np
import pytest

from kgv_jax.data.boxed import WHOLE, Boxed, read_classes, require_files, split_groups, to_image
from kgv_jax.util.errors import UserError
from tests.road_photographs import write_image


def split(counts, fraction, *, parts=1, seed=0, frames=3):
    """Returns the labels, groups and parts of `counts[label]` groups of some frames each."""
    pairs = [(label, f"{label}/{g}") for label, n in counts.items() for g in range(n) for _ in range(frames)]
    labels, groups = zip(*pairs, strict=True)
    return labels, groups, split_groups(labels, groups, fraction, parts=parts, seed=seed)


@pytest.mark.parametrize("parts", [1, 2])
def test_groups_stay_whole(parts):
    _, groups, part = split({"a": 40, "b": 7}, 0.2, parts=parts)
    sides = collections.defaultdict(set)
    for group, own in zip(groups, part.tolist(), strict=True):
        sides[group].add(own)
    assert all(len(own) == 1 for own in sides.values())
    assert collections.Counter(own for side in sides.values() for own in side) == {
        0: 47 - 9 * parts,
        **dict.fromkeys(range(1, parts + 1), 9),
    }


@pytest.mark.parametrize(("groups", "held"), [(1, 0), (2, 1), (3, 1), (10, 1), (50, 5)])
def test_each_label_gives_its_share_at_least_one_where_it_can(groups, held):
    _, _, part = split({"a": groups}, 0.1, frames=1)
    assert (part == 1).sum() == held


def test_two_parts_need_three_groups():
    for groups, expected in ((2, {0: 2}), (3, {0: 1, 1: 1, 2: 1})):
        assert collections.Counter(split({"a": groups}, 0.1, parts=2, frames=1)[2].tolist()) == expected


def test_the_seed_and_nothing_else_decides():
    labels, groups, part = split({"a": 30}, 0.3, seed=1)
    backwards = split_groups(labels[::-1], groups[::-1], 0.3, parts=1, seed=1)
    np.testing.assert_array_equal(backwards[::-1], part)
    assert (split({"a": 30}, 0.3, seed=2)[2] != part).any()


def test_a_whole_image_fills_the_square(tmp_path):
    write_image(tmp_path / "a.png", width=40, height=20)
    entry = Boxed(tmp_path / "a.png", "a", "stop", WHOLE, "a")
    pixels = to_image(entry, domain="ru", margin=0.1).load(16)
    assert (pixels[..., 3] == 255).all() and pixels[8, 8, 0] == 255 and pixels[0, 0, 0] == 128


def test_absent_files_are_counted_and_some_named():
    folder = pathlib.Path("nowhere")
    entries = [Boxed(folder / f"{k}.png", str(k), "stop", WHOLE, str(k)) for k in range(5)]
    with pytest.raises(UserError, match=r"t\.csv: 5 of the 5 .*: nowhere/0\.png, .*, nowhere/2\.png, \.\.\.\. "):
        require_files(pathlib.Path("t.csv"), entries)


def test_comments_of_a_table_of_classes_are_skipped():
    table = read_classes("tsrd_classes.csv")
    assert table["52"] == ("停车让行", "stop") and table["46"][1] == ""

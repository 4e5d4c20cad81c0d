"""The figure of two runs: images on which they disagree, nobody picked, with the facts of the graph."""

import numpy as np
import pytest
from PIL import Image

from kgv_jax.explain.answers import find_answers, render_images
from kgv_jax.explain.overlay import draw_cards
from kgv_jax.report.runs import open_run
from kgv_jax.util.errors import UserError
from tests.report_runs import CLASSES, predictions, write_run

IMAGES = 16


def _run(folder, method, right):
    """A run on China that is right on some of its images, and on all of the source's."""
    label = np.arange(IMAGES) % len(CLASSES)
    chosen = np.where(np.isin(np.arange(IMAGES), right), label, (label + 1) % len(CLASSES))
    found = {"de": predictions("de", label), "cn": predictions("cn", chosen), "validation": predictions("v", label)}
    return open_run(write_run(folder, found, method=method))


def test_images_on_which_one_run_alone_is_right(tmp_path):
    first, second = _run(tmp_path / "a", "ce", range(4)), _run(tmp_path / "b", "kgv", range(2, 14))
    answers = find_answers(first, second, "cn", count=3)
    # Every source image has two test images.
    assert (answers.images, answers.only_first, answers.only_second) == (2 * IMAGES, 2 * 2, 2 * 10)
    assert len(answers.shown) == 3 == len({answer.truth for answer in answers.shown})
    for answer in answers.shown:
        assert (answer.first == answer.truth) != (answer.second == answer.truth)
    again = find_answers(first, second, "cn", count=3)
    assert again == answers


def test_facts_are_those_of_the_country(tmp_path):
    first, second = _run(tmp_path / "a", "ce", ()), _run(tmp_path / "b", "kgv", range(IMAGES))
    facts = {answer.truth: answer.facts for answer in find_answers(first, second, "cn", count=9).shown}
    assert facts["crossroads-ahead"][:3] == ("triangle", "black border", "yellow field")
    assert facts["stop"][0] == "octagon" and "stop hanzi" in facts["stop"]


def test_signs_are_rendered_in_place_of_images(tmp_path):
    first, second = _run(tmp_path / "a", "ce", ()), _run(tmp_path / "b", "kgv", range(IMAGES))
    shown = find_answers(first, second, "cn", count=2).shown
    images = render_images(second.config, "cn", shown)
    assert len(images) == 2 and all(image.shape == (96, 96, 3) and image.std() > 10 for image in images)
    draw_cards(tmp_path / "out" / "cn.png", images, [[answer.truth, *answer.facts] for answer in shown])
    with Image.open(tmp_path / "out" / "cn.png") as sheet:
        assert sheet.size[0] > 2 * 160


def test_runs_that_cannot_be_compared(tmp_path):
    first, second = _run(tmp_path / "a", "ce", ()), _run(tmp_path / "b", "kgv", range(IMAGES))
    with pytest.raises(UserError, match=r"--domain is 'ch', did you mean 'cn'.*was tested on de, cn"):
        find_answers(first, second, "ch", count=2)
    other = open_run(
        write_run(tmp_path / "c", {"de": predictions("de", [0]), "cn": predictions("cn", [0, 1])}, method="kgv")
    )
    with pytest.raises(UserError, match="were tested on other images"):
        find_answers(first, other, "cn", count=2)

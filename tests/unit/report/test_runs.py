"""Run folders read and grouped, and every way in which they cannot be compared."""

import dataclasses
import shutil

import numpy as np
import pytest

from kgv_jax.report.runs import make_study, read_run
from kgv_jax.report.study import Setting, choose_head
from kgv_jax.util.errors import UserError
from tests.report_runs import predictions, write_run

RIGHT, SHIFTED = [0, 1, 2, 3], [0, 1, 2, 0]


def run(tmp_path, name, *, domains=("de", "us"), chosen=RIGHT, scored=None, validation=None, **settings):
    found = {domain: predictions(domain, chosen, scored=scored) for domain in domains}
    if validation is not None:
        found["validation"] = predictions("validation", *validation)
    return write_run(tmp_path / name, found, **settings)


def study(*folders, head="chosen"):
    return make_study([read_run(str(folder)) for folder in folders], head=head)


def test_seeds_are_grouped_in_order(tmp_path):
    folders = [run(tmp_path, f"r{seed}", method="ce", seed=seed) for seed in (2, 0)]
    folders.append(run(tmp_path, "low", method="ce", shots=4))
    found = study(*folders)
    assert [r.config.seed for r in found.runs[Setting("ce", 1.0, 0)].values()] == [0, 2]
    assert [setting.name for setting in found.runs] == ["ce", "ce, 4 shots"]
    assert (found.source, found.targets) == ("de", ("us",))


def test_a_source_without_test_images(tmp_path):
    with pytest.raises(UserError, match=r"only was tested on no image of its source 'de'.*another image"):
        study(run(tmp_path, "only", domains=("us",), method="ce"))


def test_a_run_may_have_a_name(tmp_path):
    found = study(run(tmp_path, "a", method="ce"), f"wide={run(tmp_path, 'b', method='ce', model__dim=64)}")
    assert [setting.method for setting in found.runs] == ["ce", "wide"]
    odd = run(tmp_path, "x=y", method="ce")
    assert read_run(str(odd)).setting.method == "ce"


def test_domains_with_slashes_are_found(tmp_path):
    found = study(run(tmp_path, "a", domains=("de", "c/snow/1"), method="ce"))
    assert found.targets == ("c/snow/1",)


def test_the_head_is_chosen_on_held_out_images(tmp_path):
    held_out = {"de": predictions("de", RIGHT, scored=SHIFTED), "us": predictions("us", RIGHT, scored=SHIFTED)}
    held_out["validation"] = predictions("validation", SHIFTED, scored=RIGHT)
    folder = write_run(tmp_path / "a", held_out, method="kgv")
    setting = Setting("kgv", 1.0, 0)
    assert study(folder).heads[setting] == ("density",)
    assert study(folder, head="all").heads[setting] == ("decoder", "density", "combined")
    assert study(folder, head="decoder").heads[setting] == ("decoder",)
    (folder / "predictions/validation.npz").unlink()
    assert study(folder).heads[setting] == ("decoder",)


def test_correct_has_a_row_per_seed(tmp_path):
    a, b = (run(tmp_path, f"r{s}", method="ce", seed=s, chosen=c) for s, c in ((0, RIGHT), (1, SHIFTED)))
    correct = study(a, b).correct(Setting("ce", 1.0, 0), "decoder", ("us",))
    np.testing.assert_array_equal(correct["us"], [[True] * 8, [True] * 6 + [False] * 2])


def test_folders_without_a_finished_run(tmp_path):
    folder = run(tmp_path / "all", "a", method="ce")
    with pytest.raises(UserError, match=r"ab: no such folder, did you mean '.*/all/a'"):
        read_run(str(tmp_path / "all/ab"))
    with pytest.raises(UserError, match=r"no run is there, but there are 1 runs below it, such as .*all/a"):
        read_run(str(tmp_path / "all"))
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match=r"^[^:]*empty has no config\.json"):
        read_run(str(tmp_path / "empty"))
    config = (folder / "config.json").read_text()
    other = config.replace('"beta"', '"gamma"')
    for broken, words in (
        (other, r"config\.json: Unknown setting config\.hierarchy\.gamma"),
        ("{", r"is no JSON .*Train"),
    ):
        (folder / "config.json").write_text(broken)
        with pytest.raises(UserError, match=words):
            read_run(str(folder))
    (folder / "config.json").write_text(config)
    (folder / "results.json").unlink()
    with pytest.raises(UserError, match=r"is not finished; run its command again"):
        read_run(str(folder))


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda file: file.unlink(), r"us\.npz: no such file; write it again: .* --mode=eval --workdir="),
        (lambda file: file.write_bytes(b"PK\x03\x04 cut"), r"us\.npz: cut off, or no \.npz"),
        (lambda file: file.write_text("not a zip"), r"us\.npz: cut off, or no \.npz"),
        (lambda file: np.savez(file, label=np.zeros(3)), r"us\.npz: no predictions file"),
        (lambda file: file.write_bytes(file.read_bytes()[:60] + b"!!" + file.read_bytes()[62:]), r"us\.npz: no pred"),
    ],
)
def test_predictions_that_cannot_be_read(tmp_path, damage, words):
    folder = run(tmp_path, "a", method="ce")
    damage(folder / "predictions/us.npz")
    with pytest.raises(UserError, match=words):
        study(folder)


def test_runs_that_cannot_be_compared(tmp_path):
    first = run(tmp_path, "a", method="ce")
    twin = tmp_path / "twin"
    shutil.copytree(first, twin)
    with pytest.raises(UserError, match=r"are both ce, seed 0; leave one out, or give it another name: NAME=FOLDER"):
        study(first, twin)
    with pytest.raises(UserError, match=r"are both ce, but differ in more than the seed:\n  model\.dim.*\nGive one"):
        study(first, run(tmp_path, "wide", method="ce", seed=1, model__dim=64))
    with pytest.raises(UserError, match=r"differ in their domains: de, us and cn, de, us"):
        study(first, run(tmp_path, "b", domains=("de", "us", "cn"), method="kgv"))
    with pytest.raises(UserError, match=r"differ in the domain they were trained on, 'de' and 'us'"):
        study(first, run(tmp_path, "c", method="kgv", data__source="us"))
    other = {name: predictions(name, RIGHT, label=[0, 1, 3, 2]) for name in ("de", "us")}
    with pytest.raises(UserError, match=r"differ in the label of 'de': they were tested on other images"):
        study(first, write_run(tmp_path / "d", other, method="kgv"))


def test_a_method_without_the_head(tmp_path):
    with pytest.raises(UserError, match=r"ce has no head 'density', only decoder .*--head=chosen"):
        study(run(tmp_path, "a", method="ce"), head="density")


def test_a_method_without_runs(tmp_path):
    found = study(run(tmp_path, "a", method="kgv"))
    with pytest.raises(UserError, match=r"There is no run of 'kg', did you mean 'kgv'\?; the runs are of kgv"):
        found.settings_of("kg")


def test_the_head_is_chosen_by_the_curve_where_classes_choose():
    label = [0, 1, 0, 1, 0, 1, 2, 2]
    # The decoder is right about all seen classes, and surest of them where it sees another; the density head knows it.
    found = predictions("validation", [0, 1, 0, 1, 0, 1, 0, 1], margin=[1] * 6 + [5] * 2,
                        scored=[0, 2, 0, 2, 0, 2, 2, 2], label=label)  # fmt: skip
    assert choose_head([found.outcomes()]) == "decoder"
    role = np.array(["seen", "seen", "validation", "unseen"])
    assert choose_head([dataclasses.replace(found, role=role).outcomes()]) != "decoder"

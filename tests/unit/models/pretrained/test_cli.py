"""The command line, on tiny models and files made from their layouts."""

import errno
import json
import os
import pathlib
import stat

import jax
import numpy as np
import pytest
import safetensors.numpy

from kgv_jax.models import registry
from kgv_jax.models.pretrained import converted
from kgv_jax.models.pretrained.expected import expected_shapes
from kgv_jax.models.pretrained.published import load_published
from kgv_jax.models.pretrained.read import digest
from kgv_jax.models.spec import EncoderOptions
from kgv_jax.models.tokenizer import load_tokenizer
from kgv_jax.util.errors import UserError
from tests import cli, torch_files

MODEL = "vit_test"


def published_file(model: str, *, layout: int = 0, head: bool = True, seed: int = 0) -> dict[str, np.ndarray]:
    """Random arrays under the names and in the shapes of a publisher."""
    spec, rng = registry.get(model), np.random.default_rng(seed)
    expected, arrays = expected_shapes(spec), {}
    for entry in spec.layouts()[layout].entries:
        if head or not entry.path.startswith("params/head/"):
            for key, shape in zip(entry.keys, entry.transform.file_shapes(expected[entry.path]), strict=True):
                arrays[key] = np.asarray(rng.normal(size=shape) * 0.3 + 0.5, np.float32)
    return arrays


@pytest.fixture
def weights(tmp_path) -> pathlib.Path:
    path = tmp_path / "vit.safetensors"
    safetensors.numpy.save_file(published_file(MODEL), path)
    return path


@pytest.fixture
def images(tmp_path) -> pathlib.Path:
    size = registry.get(MODEL).size_px
    path = tmp_path / "x.npy"
    np.save(path, np.random.default_rng(1).normal(size=(5, size, size, 3)).astype(np.float32))
    return path


def _run(*arguments: object) -> int:
    return cli.run("weights", *arguments)


def _refused(capsys, *arguments: object) -> str:
    capsys.readouterr()
    assert _run(*arguments) == 2
    shown = capsys.readouterr()
    assert shown.err.startswith("error: ") and not shown.out
    return shown.err


def _convert(weights: object, folder: pathlib.Path, model: str = MODEL) -> int:
    return _run("convert", weights, f"--model={model}", f"--out={folder}")


def test_convert_writes_our_names_and_a_manifest(tmp_path, weights, capsys):
    assert _convert(weights, tmp_path / "out") == 0
    assert "a head of" in capsys.readouterr().out
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["manifest.json", "model.safetensors"]
    arrays = safetensors.numpy.load_file(tmp_path / "out" / "model.safetensors")
    expected = expected_shapes(registry.get(MODEL))
    assert {path: array.shape for path, array in arrays.items()} == expected
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert manifest["model"] == MODEL and manifest["source"] == str(weights)
    assert manifest["source_sha256"] == digest(weights)
    assert manifest["sha256"] == digest(tmp_path / "out" / "model.safetensors")
    assert manifest["arrays"] == len(expected)
    assert manifest["parameters"] == sum(array.size for array in arrays.values())
    assert manifest["head_classes"] == registry.get(MODEL).num_logits
    mode = stat.S_IMODE((tmp_path / "out" / "model.safetensors").stat().st_mode)
    assert mode == stat.S_IMODE((tmp_path / "out" / "manifest.json").stat().st_mode)


@pytest.mark.parametrize("model", ["vit_test", "clip_test", "dinov2_reg_test", "efficientnet_lite0_test"])
def test_a_converted_folder_reads_back(tmp_path, model):
    torch_files.save(tmp_path / "model.pth", {"state_dict": published_file(model)})
    direct = load_published(tmp_path / "model.pth", model)
    assert _convert(tmp_path / "model.pth", tmp_path / "out", model) == 0
    folder = load_published(tmp_path / "out", model)
    assert jax.tree.structure(direct) == jax.tree.structure(folder)
    assert folder.source == direct.source and folder.digest == direct.digest and folder.epsilon == direct.epsilon
    assert folder.logit_scale == direct.logit_scale
    for part in ("encoder", "batch_stats", "head", "text"):
        jax.tree.map(np.testing.assert_array_equal, getattr(direct, part), getattr(folder, part))
    assert (direct.text is not None) == (model == "clip_test")


def test_an_epsilon_of_the_publisher_survives(tmp_path):
    layouts = registry.get(MODEL).layouts()
    index = [layout.name for layout in layouts].index("huggingface")
    safetensors.numpy.save_file(published_file(MODEL, layout=index), tmp_path / "model.safetensors")
    assert _convert(tmp_path / "model.safetensors", tmp_path / "out") == 0
    assert load_published(tmp_path / "out", MODEL).epsilon == layouts[index].epsilon == 1e-12


def test_a_damaged_or_foreign_folder_is_refused(tmp_path, weights, capsys):
    out = tmp_path / "out"
    _convert(weights, out)
    foreign = _refused(capsys, "convert", out, "--model=clip_test", f"--out={tmp_path / 'b'}")
    assert "holds weights of vit_test, not of clip_test" in foreign
    content = bytearray((out / "model.safetensors").read_bytes())
    content[-1] ^= 1
    (out / "model.safetensors").write_bytes(content)
    with pytest.raises(UserError, match=r"SHA-256 is .* the manifest says .* convert .*vit\.safetensors again"):
        load_published(out, MODEL)
    manifest = json.loads((out / "manifest.json").read_text())
    (out / "manifest.json").write_text(json.dumps({**manifest, "format": "kgv_jax weights 99"}))
    with pytest.raises(UserError, match="its format is 'kgv_jax weights 99'"):
        load_published(out, MODEL)
    (out / "manifest.json").write_text('{"format": "kgv_jax weights 1"}')
    with pytest.raises(UserError, match="not a manifest"):
        load_published(out, MODEL)


def test_convert_overwrites_its_own_model_only(tmp_path, weights, capsys):
    out = tmp_path / "out"
    assert _convert(weights, out) == 0 and _convert(weights, out) == 0
    safetensors.numpy.save_file(published_file("clip_test"), tmp_path / "clip.safetensors")
    other = ("convert", tmp_path / "clip.safetensors", "--model=clip_test")
    assert f"{out}: holds weights of vit_test" in _refused(capsys, *other, f"--out={out}")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("x")
    assert "not empty (thesis.tex)" in _refused(capsys, *other, f"--out={tmp_path / 'mine'}")
    assert "is no folder" in _refused(capsys, *other, f"--out={weights}")
    assert converted.read_manifest(out).model == MODEL


def test_a_full_disk_leaves_nothing_half_written(tmp_path, weights, capsys, monkeypatch):
    convert = ("convert", weights, f"--model={MODEL}", f"--out={tmp_path / 'o'}")
    full = type("Usage", (), {"free": 1000})
    with monkeypatch.context() as patch:
        patch.setattr(converted.shutil, "disk_usage", lambda _: full)
        assert "MB free; free some space" in _refused(capsys, *convert)
    assert not (tmp_path / "o").exists()

    def fail(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    _convert(weights, tmp_path / "o")
    before = digest(tmp_path / "o")
    with monkeypatch.context() as patch:
        patch.setattr(converted.safetensors.numpy, "save_file", fail)
        message = _refused(capsys, *convert)
    assert "No space left" in message and digest(tmp_path / "o") == before
    assert sorted(path.name for path in (tmp_path / "o").iterdir()) == ["manifest.json", "model.safetensors"]


def test_features_and_logits(tmp_path, weights, images):
    spec = registry.get(MODEL)
    loaded = load_published(weights, MODEL)
    apply = jax.jit(lambda params, x: spec.make(EncoderOptions()).apply({"params": params}, x, train=False))
    features = apply(loaded.encoder, np.load(images))
    # Five images in batches of two: the last is padded, and the padding does not come back.
    arguments = ("features", weights, f"--model={MODEL}", f"--images={images}", "--batch_size=2")
    assert _run(*arguments, f"--out={tmp_path / 'y.npy'}") == 0
    found = np.load(tmp_path / "y.npy")
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, features.pooled, atol=1e-5)
    assert _run(*arguments, "--logits", f"--out={tmp_path / 'l.npy'}") == 0
    logits = spec.head_input(features) @ loaded.head["kernel"] + loaded.head["bias"]
    np.testing.assert_allclose(np.load(tmp_path / "l.npy"), logits, atol=1e-4)
    assert sorted(path.name for path in tmp_path.glob("*.npy")) == ["l.npy", "x.npy", "y.npy"]


def test_text_features(tmp_path, capsys):
    path, texts = tmp_path / "clip.safetensors", tmp_path / "texts.txt"
    safetensors.numpy.save_file(published_file("clip_test"), path)
    texts.write_text("a cat\n\na stop sign\na dog\n")
    arguments = ("features", path, "--model=clip_test", f"--texts={texts}")
    assert _run(*arguments, "--batch_size=2", f"--out={tmp_path / 'y.npy'}") == 0
    tower = registry.get("clip_test").make_text()
    tokens = load_tokenizer(tower.vocabulary)(["a cat", "a stop sign", "a dog"], context=tower.context)
    wanted = jax.jit(tower.apply)({"params": load_published(path, "clip_test").text}, tokens)
    np.testing.assert_allclose(np.load(tmp_path / "y.npy"), wanted, atol=1e-5)
    assert "--logits goes with --images" in _refused(capsys, *arguments, "--logits", f"--out={tmp_path / 'z.npy'}")
    texts.write_text("\n")
    assert "no text in it" in _refused(capsys, *arguments, f"--out={tmp_path / 'z.npy'}")
    texts.write_bytes(b"\xff\xfe")
    assert "expected a UTF-8 file" in _refused(capsys, *arguments, f"--out={tmp_path / 'z.npy'}")


def test_logits_without_a_head(tmp_path, images, capsys):
    safetensors.numpy.save_file(published_file(MODEL, head=False), tmp_path / "bare.safetensors")
    arguments = ("features", tmp_path / "bare.safetensors", f"--model={MODEL}", f"--out={tmp_path / 'y.npy'}")
    assert "has no classification head" in _refused(capsys, *arguments, f"--images={images}", "--logits")
    (tmp_path / "t.txt").write_text("a cat")
    assert "vit_test has no text tower" in _refused(capsys, *arguments, f"--texts={tmp_path / 't.txt'}")


SIDE = registry.get(MODEL).size_px


@pytest.mark.parametrize(
    "array, words",
    [
        (np.zeros((2, SIDE, SIDE, 3)), "type float64"),
        (np.zeros((2, SIDE, SIDE, 3), np.uint8), "type uint8"),
        (np.zeros((SIDE, SIDE, 3), np.float32), f"shape [{SIDE}, {SIDE}, 3]; expected [n, height, width, 3]"),
        (np.zeros((2, 3, SIDE, SIDE), np.float32), "X.transpose(0, 2, 3, 1)"),
        (np.zeros((0, SIDE, SIDE, 3), np.float32), "no image in it"),
        (np.zeros((1, SIDE + 1, SIDE, 3), np.float32), "takes multiples of"),
        (np.full((3, SIDE, SIDE, 3), np.nan, np.float32), "image 0 holds values that are not finite"),
    ],
)
def test_images_of_another_kind(tmp_path, weights, capsys, array, words):
    np.save(tmp_path / "x.npy", array)
    arguments = ("features", weights, f"--model={MODEL}", f"--images={tmp_path / 'x.npy'}")
    assert words in _refused(capsys, *arguments, f"--out={tmp_path / 'y.npy'}")
    assert not (tmp_path / "y.npy").exists()


def test_what_is_not_there(tmp_path, weights, images, capsys):
    good = ("features", weights, f"--model={MODEL}", f"--images={images}", f"--out={tmp_path / 'y.npy'}")

    def changed(index: int, value: object) -> str:
        return _refused(capsys, *good[:index], value, *good[index + 1 :])

    assert "no such file, did you mean 'vit.safetensors'" in changed(1, tmp_path / "vi.safetensors")
    assert "did you mean 'vit_test'" in changed(2, "--model=vit_tes")
    assert "cannot be read" in changed(3, f"--images={tmp_path / 'none.npy'}")
    np.savez(tmp_path / "x.npz", a=np.zeros(1))
    assert "an .npz of several arrays" in changed(3, f"--images={tmp_path / 'x.npz'}")
    np.save(tmp_path / "o.npy", np.asarray([{}], dtype=object))
    assert "cannot be read" in changed(3, f"--images={tmp_path / 'o.npy'}")
    assert "ends with .npy" in changed(4, f"--out={tmp_path / 'y.npz'}")
    assert "its folder does not exist" in changed(4, f"--out={tmp_path / 'no' / 'y.npy'}")
    assert "--batch_size is 0" in _refused(capsys, *good, "--batch_size=0")
    assert "resnet8 has no published weights" in changed(2, "--model=resnet8")


def test_a_checkpoint_of_another_model_is_recognised(tmp_path, capsys):
    path = tmp_path / "model.pth"
    torch_files.save(path, published_file("dinov2_reg_test"))
    message = _refused(capsys, "convert", path, f"--model={MODEL}", f"--out={tmp_path / 'out'}")
    assert "these are not weights of vit_test" in message and "All of it fits dinov2_reg_test" in message
    torch_files.save(path, {f"layer{number}.weight": np.ones(1, np.float32) for number in range(50)})
    brief = _refused(capsys, "convert", path, f"--model={MODEL}", f"--out={tmp_path / 'out'}")
    whole = _refused(capsys, "convert", path, f"--model={MODEL}", "--verbose", f"--out={tmp_path / 'out'}")
    assert "and 40 more (`convert` with --verbose" in brief and "layer49" not in brief
    assert "layer49" in whole and "more (" not in whole
    assert not (tmp_path / "out").exists()


@pytest.mark.processes
def test_a_payload_as_a_process(tmp_path):
    marker = tmp_path / "ran"
    command = f"touch {marker}".encode()
    text = b"X" + len(command).to_bytes(4, "little") + command
    torch_files.save(tmp_path / "evil.pth", {"a": torch_files.Raw(b"cposix\nsystem\n(" + text + b"tR")})
    arguments = ("convert", str(tmp_path / "evil.pth"), f"--model={MODEL}", f"--out={tmp_path / 'out'}")
    message = cli.refused("weights", *arguments)
    assert "posix.system" in message and not marker.exists() and not (tmp_path / "out").exists()


def test_list(capsys, monkeypatch):
    monkeypatch.setattr(registry, "list_models", lambda: (MODEL, "clip_test"))
    assert _run("list") == 0
    header, *rows = capsys.readouterr().out.splitlines()
    assert header.split() == ["name", "input", "mean", "std", "parameters", "about"] and len(rows) == 2
    spec = registry.get("clip_test")
    assert f"{spec.size_px} {spec.mean[0]:.5f}" in rows[1] and spec.about in rows[1]
    size = sum(leaf.size for leaf in jax.tree.leaves(_init(spec)["params"]))
    assert f" {size:,} " in rows[1]


def _init(spec):
    images = np.zeros((1, spec.size_px, spec.size_px, 3), np.float32)
    return jax.eval_shape(lambda: spec.make(EncoderOptions()).init(jax.random.key(0), images, train=False))

"""Every key of a file is matched, or listed with what was expected."""

import numpy as np
import pytest

from kgv_jax.models.pretrained.layout import CONV, LINEAR, SAME, Entry, Layout, joined
from kgv_jax.models.pretrained.match import compare, match
from kgv_jax.util.errors import UserError

RNG = np.random.default_rng(0)
ENCODER = "params/encoder/"
HEAD = ("params/head/kernel", "params/head/bias")
TEXT = ("params/text/kernel", "params/logit_scale")
EXPECTED = {
    f"{ENCODER}conv/kernel": (3, 5, 2, 4),
    f"{ENCODER}norm/scale": (4,),
    f"{ENCODER}qkv/kernel": (4, 12),
    "batch_stats/encoder/norm/mean": (4,),
    HEAD[0]: (4, 10),
    HEAD[1]: (10,),
    TEXT[0]: (7, 4),
    TEXT[1]: (),
}
ALPHA = Layout(
    "alpha",
    (
        Entry(f"{ENCODER}conv/kernel", ("conv.weight",), CONV),
        Entry(f"{ENCODER}norm/scale", ("norm.weight",), SAME),
        Entry(f"{ENCODER}qkv/kernel", ("q.weight", "k.weight", "v.weight"), joined(LINEAR, 3)),
        Entry("batch_stats/encoder/norm/mean", ("norm.running_mean",), SAME),
        Entry(HEAD[0], ("fc.weight",), LINEAR),
        Entry(HEAD[1], ("fc.bias",), SAME),
        Entry(TEXT[0], ("text.weight",), LINEAR),
        Entry(TEXT[1], ("logit_scale",), SAME),
    ),
    optional=(*HEAD, *TEXT),
    ignored=(r".*num_batches_tracked",),
)
BETA = Layout(
    "beta",
    (
        Entry(f"{ENCODER}conv/kernel", ("vit.stem.weight",), CONV),
        Entry(f"{ENCODER}norm/scale", ("vit.norm.weight",), SAME),
        Entry(f"{ENCODER}qkv/kernel", ("vit.qkv.weight",), LINEAR),
        Entry("batch_stats/encoder/norm/mean", ("vit.norm.running_mean",), SAME),
        Entry(HEAD[0], ("classifier.weight",), LINEAR),
        Entry(HEAD[1], ("classifier.bias",), SAME),
    ),
    optional=HEAD,
)


def _file(layout: Layout = ALPHA, **changes) -> dict[str, np.ndarray]:
    arrays = {}
    for entry in layout.entries:
        for key, shape in zip(entry.keys, entry.transform.file_shapes(EXPECTED[entry.path]), strict=True):
            arrays[key] = RNG.normal(size=shape).astype(np.float32)
    arrays |= {key.replace("__", "."): value for key, value in changes.items()}
    return {key: value for key, value in arrays.items() if value is not None}


def _match(arrays, layouts=(ALPHA, BETA), expected=EXPECTED, **options):
    return match(layouts, arrays, expected, source="model.pth", model="tiny", **options)


def _refused(arrays, **options) -> str:
    with pytest.raises(UserError) as caught:
        _match(arrays, **options)
    assert "model.pth: these are not weights of tiny" in str(caught.value)
    return str(caught.value)


def test_arrays_become_ours():
    arrays = _file()
    found = _match({**arrays, "norm.num_batches_tracked": np.asarray(7)})
    assert found.layout is ALPHA and found.ignored == ("norm.num_batches_tracked",) and not found.absent
    assert {path: array.shape for path, array in found.arrays.items()} == EXPECTED
    assert {array.dtype for array in found.arrays.values()} == {np.dtype(np.float32)}
    assert all(array.flags.c_contiguous for array in found.arrays.values())
    kernel = found.arrays[f"{ENCODER}conv/kernel"]
    assert kernel[2, 4, 1, 3] == arrays["conv.weight"][3, 1, 2, 4]
    np.testing.assert_array_equal(found.arrays[f"{ENCODER}qkv/kernel"][:, 4:8], arrays["k.weight"].T)
    assert found.head_classes == 10


@pytest.mark.parametrize("layout", [ALPHA, BETA], ids=lambda layout: layout.name)
@pytest.mark.parametrize("prefix", ["", "module.", "model.", "module.backbone.", "_orig_mod.module."])
def test_the_layout_is_found_below_any_wrapper(layout, prefix):
    arrays = _file(layout)
    found = _match({f"{prefix}{key}": array for key, array in arrays.items()})
    assert found.layout is layout
    np.testing.assert_array_equal(found.arrays[HEAD[1]], arrays[layout.entries[-3 if layout is ALPHA else -1].keys[0]])


def test_a_prefix_that_only_some_keys_lack():
    """A file without a head lacks the prefix that the file with one has before the encoder's keys."""
    bare = {key.removeprefix("vit."): array for key, array in _file(BETA).items() if "classifier" not in key}
    found = _match(bare)
    assert found.layout is BETA and found.absent == HEAD and HEAD[0] not in found.arrays
    assert found.head_classes is None


def test_two_models_in_one_file():
    arrays = _file()
    both = {f"{prefix}.{key}": array for prefix in ("model", "module") for key, array in arrays.items()}
    assert "unexpected (20)" in _refused(both)


def test_a_head_of_another_size():
    arrays = _file(fc__weight=np.ones((3, 4), np.float32), fc__bias=np.zeros(3, np.float32))
    found = _match(arrays)
    assert found.arrays[HEAD[0]].shape == (4, 3) and found.head_classes == 3
    # As many classes as features: the shape says nothing, the width must still fit.
    square = _file(fc__weight=np.ones((4, 4), np.float32), fc__bias=np.zeros(4, np.float32))
    assert _match(square).head_classes == 4
    message = _refused(_file(fc__weight=np.ones((3, 5), np.float32), fc__bias=np.zeros(3, np.float32)))
    assert "fc.weight is [3, 5], expected [10, 4]" in message
    message = _refused(_file(fc__weight=np.ones((3, 4), np.float32), fc__bias=np.zeros(5, np.float32)))
    assert "the head's kernel and bias have 3 and 5 classes" in message


def test_an_optional_part_is_there_as_a_whole_or_not_at_all():
    found = _match(_file(fc__weight=None, fc__bias=None, text__weight=None, logit_scale=None))
    assert set(found.absent) == {*HEAD, *TEXT}
    assert "missing (1): fc.bias" in _refused(_file(fc__bias=None))


def test_every_wrong_key_is_listed():
    arrays = _file(
        norm__weight=None,
        k__weight=np.ones((4, 5), np.float32),
        norm__running_mean=np.ones(4, np.int64),
        conv__weight=np.ones((5, 2, 3, 5), np.float32),
        extra=np.ones(2, np.float32),
        norm__num_batches_tracked=np.ones((), np.int64),
    )
    message = _refused(arrays)
    for part in (
        "9 of the 10 keys of its closest layout (alpha)",
        "missing (1): norm.weight",
        "unexpected (1): extra",
        "wrong shape (3): ",
        "k.weight is [4, 5], expected [4, 4]",
        "norm.running_mean is of type int64, expected floats",
        "conv.weight is [5, 2, 3, 5], expected [4, 2, 3, 5]",
        "ignored (1): norm.num_batches_tracked",
    ):
        assert part in message, part


def test_a_long_list_is_cut_unless_asked_for():
    arrays = {f"layer{number}.weight": np.ones(1, np.float32) for number in range(300)}
    message = _refused(arrays)
    assert "unexpected (300): layer0.weight" in message and "and 290 more (`convert` with --verbose" in message
    assert len(message) < 1500
    whole = _refused(arrays, verbose=True)
    assert all(f"layer{number}.weight" in whole for number in range(300)) and "more (" not in whole


def test_the_hint_is_asked_for_only_on_failure():
    def hint() -> str:
        raise AssertionError

    _match(_file(), hint=hint)
    assert "take that one" in _refused(_file(norm__weight=None), hint=lambda: "take that one")


def test_values_that_are_not_finite():
    arrays = _file()
    arrays["v.weight"][1, 2] = np.nan
    with pytest.raises(UserError, match=r"q\.weight, k\.weight, v\.weight holds values that are not finite"):
        _match(arrays)


def test_a_model_without_published_weights():
    with pytest.raises(UserError, match="tiny has no published weights"):
        _match(_file(), layouts=())


def test_names_alone():
    assert compare((ALPHA, BETA), _file(conv__weight=np.ones((1, 1, 1, 1), np.float32)), None).fits
    assert not compare((ALPHA, BETA), _file(conv__weight=np.ones((1, 1, 1, 1), np.float32)), EXPECTED).fits

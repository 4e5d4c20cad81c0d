"""Augmented rows: the same for any split over processes, in any order, with exact shares."""

import numpy as np
import pytest

from kgv_jax.data.augment import cutmix, make_augment, mixup
from kgv_jax.data.pipeline import Stream, make_pipeline
from kgv_jax.util.errors import UserError

KEYS = {"image", "label", "labelled", "mask_ids"}
MIXED = {"own_share", "partner_label", "partner_mask_ids"}


def stream(name="train", count=20, per_step=8, offset=0):
    """Flat images whose level, label and query nodes all identify the example."""
    ids = np.arange(offset, offset + count)
    arrays = {
        "image": np.broadcast_to(ids[:, None, None, None], (count, 12, 10, 3)).astype(np.uint8) * 3,
        "label": ids.astype(np.int32),
        "labelled": np.ones(count, np.float32),
        "mask_ids": np.stack([ids, ids + 100], axis=1).astype(np.int32),
    }
    return Stream(name, arrays, per_step)


STREAMS = (stream(), stream("elements", 6, 4, offset=60))


def pipeline(streams=STREAMS, *, process_index=0, process_count=1, seed=0, **options):
    augment = make_augment(seed=seed, **options)
    return make_pipeline(streams, seed=0, process_index=process_index, process_count=process_count, augment=augment)


def assert_same(found, expected):
    assert found.keys() == expected.keys()
    for key in found:
        assert found[key].dtype == expected[key].dtype
        np.testing.assert_array_equal(found[key], expected[key], err_msg=key)


def expected_level(batch, plain):
    """What mixup makes of flat images."""
    share = batch["own_share"]
    return share * plain["image"][:, 0, 0, 0] + (1 - share) * 3 * batch["partner_label"]


def test_off_is_none():
    assert make_augment(seed=0) is None
    assert make_augment(seed=0, magnitude=10.0) is None


def test_keys_types_and_shapes():
    batch = pipeline(mixup=0.4)[2]
    assert set(batch) == KEYS | MIXED
    assert batch["own_share"].dtype == np.float32 and batch["own_share"].shape == (12,)
    assert batch["partner_label"].dtype == np.int32 and batch["partner_label"].shape == (12,)
    assert batch["partner_mask_ids"].dtype == np.int32 and batch["partner_mask_ids"].shape == (12, 2)
    assert batch["image"].dtype == np.uint8 and batch["image"].shape == (12, 12, 10, 3)
    assert set(pipeline(ops=2)[2]) == KEYS


def test_mixup_blends_with_the_share_that_it_reports():
    plain, mixed = pipeline(), pipeline(mixup=1.0)
    for step in range(4):
        own, batch = plain[step], mixed[step]
        found = batch["image"][:8, 0, 0, 0]
        assert np.abs(found - expected_level(batch, own)[:8]).max() <= 0.5 + 1e-4
        np.testing.assert_array_equal(batch["partner_mask_ids"][:, 0], batch["partner_label"])
        np.testing.assert_array_equal(batch["label"], own["label"])
        np.testing.assert_array_equal(batch["mask_ids"], own["mask_ids"])


def test_cutmix_reports_the_share_of_pixels_that_stayed():
    plain, mixed = pipeline(), pipeline(cutmix=1.0)
    untouched = 0
    for step in range(20):
        own, batch = plain[step], mixed[step]
        stayed = (batch["image"] == own["image"])[:8].all(-1)
        other = (batch["image"][:8] == 3 * batch["partner_label"][:8, None, None, None]).all(-1)
        assert (stayed | other).all()
        different = batch["partner_label"][:8] != batch["label"][:8]
        np.testing.assert_allclose(batch["own_share"][:8][different], stayed.mean((1, 2))[different], rtol=1e-6)
        untouched += (batch["own_share"][:8] == 1).sum()
    assert untouched < 20


@pytest.mark.parametrize("options", [{"mixup": 0.4}, {"cutmix": 1.0}, {"mixup": 0.4, "cutmix": 1.0, "ops": 2}])
def test_partners_are_the_other_row_of_the_pair(options):
    plain, mixed = pipeline(), pipeline(**options)
    for step in range(5):
        labels, batch = plain[step]["label"], mixed[step]
        share = batch["own_share"].reshape(-1, 2)
        np.testing.assert_array_equal(share[:, 0], share[:, 1])
        expected = np.where(batch["own_share"] < 1, labels[np.arange(12) ^ 1], labels)
        np.testing.assert_array_equal(batch["partner_label"], expected)


def test_only_the_training_stream_changes():
    plain, batch = pipeline()[3], pipeline(mixup=1.0, cutmix=1.0, ops=3, magnitude=10)[3]
    np.testing.assert_array_equal(batch["image"][8:], plain["image"][8:])
    np.testing.assert_array_equal(batch["own_share"][8:], 1)
    np.testing.assert_array_equal(batch["partner_label"][8:], plain["label"][8:])
    np.testing.assert_array_equal(batch["partner_mask_ids"][8:], plain["mask_ids"][8:])
    assert (batch["image"][:8] != plain["image"][:8]).any()


def test_the_arrays_of_the_stream_are_not_changed():
    before = STREAMS[0].arrays["image"].copy()
    pipeline(mixup=1.0, cutmix=1.0, ops=3)[0]
    np.testing.assert_array_equal(STREAMS[0].arrays["image"], before)


ALL = {"mixup": 0.5, "cutmix": 1.0, "ops": 2, "magnitude": 7}


@pytest.mark.parametrize("count", [2, 4])
def test_processes_share_the_batch_of_one(count):
    streams = (stream(), stream("elements", 6, 4, offset=60))
    single = pipeline(streams, **ALL)
    parts = [pipeline(streams, process_index=i, process_count=count, **ALL) for i in range(count)]
    for step in (0, 3, 11):
        batches, real = [part[step] for part in parts], 8 // count
        pieces = [(batch, slice(real)) for batch in batches] + [(batch, slice(real, None)) for batch in batches]
        together = {key: np.concatenate([batch[key][where] for batch, where in pieces]) for key in batches[0]}
        assert_same(together, single[step])


@pytest.mark.parametrize("threads", [1, 4])
def test_threads_and_resuming_change_nothing(threads):
    one = pipeline(**ALL)
    for step, batch in one.iterate(5, 9, prefetch=3, threads=threads):
        assert_same(batch, pipeline(**ALL)[step])


def test_an_example_is_augmented_anew_in_every_epoch_and_seed():
    one = stream(count=2, per_step=2)
    shares = [pipeline([one], seed=seed, mixup=1.0)[step]["own_share"][0] for seed in (0, 1) for step in range(4)]
    assert len(set(shares)) == 8


def test_randaugment_of_a_row_does_not_depend_on_mixing():
    augment = make_augment(seed=3, ops=2, magnitude=9)
    rng = np.random.default_rng(0)
    part = stream().arrays | {"image": rng.integers(0, 255, (20, 16, 16, 3)).astype(np.uint8)}
    alone = augment(part, stream="train", positions=np.arange(20))["image"]
    both = make_augment(seed=3, ops=2, magnitude=9, mixup=1.0)(part, stream="train", positions=np.arange(20))
    first = both["image"][0].astype(float)
    share = float(both["own_share"][0])
    np.testing.assert_allclose(first, share * alone[0] + (1 - share) * alone[1], atol=0.51)
    assert len({image.tobytes() for image in alone}) > 15


def test_shares_of_mixup_are_beta():
    one = stream(count=400, per_step=400)
    peaked, uniform, split = (pipeline([one], mixup=a)[0]["own_share"][::2] for a in (50.0, 1.0, 0.05))
    for share, a in ((peaked, 50.0), (uniform, 1.0), (split, 0.05)):
        assert abs(share.mean() - 0.5) < 0.1
        assert share.var() == pytest.approx(1 / (4 * (2 * a + 1)), rel=0.25)


def test_with_both_a_coin_decides():
    one = stream(count=400, per_step=400)
    batch = pipeline([one], mixup=1.0, cutmix=1.0)[0]
    own, image = pipeline([one])[0], batch["image"]
    pasted = (image != image[:, :1, :1]).any((1, 2, 3))  # flat images stay flat in mixup
    different = (batch["own_share"] < 1) & (np.abs(own["label"] - batch["partner_label"]) % 256 != 0)
    assert 0.35 < pasted[different].mean() < 0.65


def test_mixup_of_two_images():
    first, second = np.full((4, 4, 3), 200, np.uint8), np.full((4, 4, 3), 100, np.uint8)
    a, b, share = mixup(first, second, 0.75)
    assert (a == 175).all() and (b == 125).all() and share == 0.75


@pytest.mark.parametrize("share", [0.0, 0.3, 0.99, 1.0])
def test_cutmix_of_two_images(share):
    first, second = np.zeros((20, 30, 3), np.uint8), np.ones((20, 30, 3), np.uint8)
    for seed in range(50):
        a, b, stayed = cutmix(first, second, share, np.random.default_rng(seed))
        np.testing.assert_array_equal(a, 1 - b)
        assert stayed == pytest.approx(1 - a[..., 0].mean())
        assert stayed >= share - 0.06
        assert share < 1 or stayed == 1


def test_pairs_never_straddle_processes():
    with pytest.raises(UserError, match="'train' has 3 rows per process and step"):
        pipeline([stream(per_step=6)], process_index=0, process_count=2, mixup=0.2)
    pipeline([stream(per_step=6)], process_index=0, process_count=2, ops=2)
    pipeline([stream(), stream("elements", per_step=3)], mixup=0.2)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"mixup": -0.1}, "augment.mixup is -0.1"),
        ({"cutmix": float("nan")}, "augment.cutmix is nan"),
        ({"ops": -1}, "augment.randaugment_ops is -1"),
        ({"ops": 2, "magnitude": 11}, "augment.randaugment_magnitude is 11; expected 0 to 10"),
    ],
)
def test_numbers_out_of_range(options, message):
    with pytest.raises(UserError, match=message):
        make_augment(seed=0, **options)

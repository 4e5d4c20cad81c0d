"""A batch is a pure function of (seed, step), whoever reads it."""

import threading
import time
import traceback

import numpy as np
import pytest

from kgv_jax.data.pipeline import Stream, make_pipeline
from kgv_jax.data.types import ImageArray
from kgv_jax.util.errors import UserError


def stream(name="real", count=50, per_step=8, offset=0):
    ids = np.arange(offset, offset + count)
    return Stream(name, {"id": ids, "image": np.repeat(ids[:, None], 3, 1).astype(np.uint8)}, per_step)


STREAMS = (stream(), stream("synthetic", 12, 4, offset=1000))


def ids(pipeline, start, stop, **options):
    return np.array([batch["id"] for _, batch in pipeline.iterate(start, stop, **options)])


def settle():
    """Waits for threads that are on their last batch."""
    deadline = time.monotonic() + 5
    while any("grain" in thread.name for thread in threading.enumerate()) and time.monotonic() < deadline:
        time.sleep(0.01)
    return [thread.name for thread in threading.enumerate() if "grain" in thread.name]


def test_a_batch_holds_the_streams_one_after_another():
    batch = make_pipeline(STREAMS, seed=0)[3]
    assert batch["image"].shape == (12, 3) and batch["image"].dtype == np.uint8
    assert (batch["id"][:8] < 1000).all() and (batch["id"][8:] >= 1000).all()
    np.testing.assert_array_equal(batch["image"][:, 0], batch["id"].astype(np.uint8))


def test_every_element_once_in_every_epoch_of_its_stream():
    order = np.concatenate([batch["id"][:8] for _, batch in make_pipeline(STREAMS, seed=0).iterate(0, 25)])
    epochs = order.reshape(4, 50)
    np.testing.assert_array_equal(np.sort(epochs, 1), np.tile(np.arange(50), (4, 1)))
    assert len({epoch.tobytes() for epoch in epochs}) == 4


def test_a_batch_may_be_larger_than_an_epoch():
    batch = make_pipeline([stream(count=3, per_step=9)], seed=0)[1]
    np.testing.assert_array_equal(np.bincount(batch["id"]), [3, 3, 3])


@pytest.mark.parametrize("options", [{"prefetch": p, "threads": t} for p, t in ((0, 1), (1, 1), (2, 1), (4, 4))])
def test_threads_and_prefetch_change_nothing(options):
    pipeline = make_pipeline(STREAMS, seed=0)
    expected = np.array([pipeline[step]["id"] for step in range(20)])
    np.testing.assert_array_equal(ids(pipeline, 0, 20, **options), expected)


def test_resume_at_a_step():
    whole = ids(make_pipeline(STREAMS, seed=0), 0, 20)
    np.testing.assert_array_equal(ids(make_pipeline(STREAMS, seed=0), 13, 20, prefetch=3), whole[13:])
    assert [step for step, _ in make_pipeline(STREAMS, seed=0).iterate(13, 16)] == [13, 14, 15]


@pytest.mark.parametrize("count", [2, 4])
def test_processes_share_the_batch_of_one(count):
    single = make_pipeline(STREAMS, seed=0)
    parts = [make_pipeline(STREAMS, seed=0, process_index=i, process_count=count) for i in range(count)]
    for step in (0, 7, 31):
        batches = [part[step]["id"] for part in parts]
        real, synthetic = 8 // count, 4 // count
        assert all(len(batch) == real + synthetic for batch in batches)
        together = [batch[:real] for batch in batches] + [batch[real:] for batch in batches]
        np.testing.assert_array_equal(np.concatenate(together), single[step]["id"])


def test_streams_have_orders_of_their_own():
    first, second = stream("a", 50, 50), stream("b", 50, 50)
    batch = make_pipeline([first, second], seed=0)[0]["id"]
    assert (batch[:50] != batch[50:]).any()
    np.testing.assert_array_equal(make_pipeline([second], seed=0)[0]["id"], batch[50:])


def test_seeds_have_orders_of_their_own_in_every_epoch():
    orders = {
        make_pipeline([stream(per_step=50)], seed=seed)[epoch]["id"].tobytes()
        for seed in range(4)
        for epoch in range(4)
    }
    assert len(orders) == 16


def test_only_rows_in_use_are_read():
    class Recorder(np.ndarray):
        def __getitem__(self, rows):
            read.append(rows)
            return np.asarray(self)[rows]

    read = []
    array = np.arange(1000).view(Recorder)
    batch = make_pipeline([Stream("a", {"id": array}, 4)], seed=0)[5]
    assert len(read) == 1 and len(read[0]) == 4
    np.testing.assert_array_equal(batch["id"], read[0])


def test_memory_mapped_arrays(tmp_path):
    np.save(tmp_path / "a.npy", np.arange(40).reshape(20, 2))
    mapped = np.load(tmp_path / "a.npy", mmap_mode="r")
    batch = make_pipeline([Stream("a", {"x": mapped}, 20)], seed=0)[0]["x"]
    assert type(batch) is np.ndarray
    np.testing.assert_array_equal(np.sort(batch[:, 0]), np.arange(0, 40, 2))


def test_iterate_ends_its_threads():
    batches = make_pipeline(STREAMS, seed=0).iterate(0, 5, prefetch=2, threads=2)
    assert len(list(batches)) == 5
    assert not settle()


def test_leaving_early_ends_the_threads():
    batches = make_pipeline(STREAMS, seed=0).iterate(0, 10**9, prefetch=4, threads=2)
    assert next(batches)[0] == 0
    assert settle_has_threads()
    batches.close()
    assert not settle()


def settle_has_threads() -> bool:
    return any("grain" in thread.name for thread in threading.enumerate())


def test_no_step_at_all():
    assert list(make_pipeline(STREAMS, seed=0).iterate(7, 7)) == []


@pytest.mark.parametrize("prefetch", [0, 2])
def test_an_error_arrives_with_its_traceback(prefetch):
    class Broken(np.ndarray):
        def __getitem__(self, rows):
            raise OSError("the disk is gone")

    pipeline = make_pipeline([Stream("a", {"x": np.arange(9).view(Broken)}, 3)], seed=0)
    with pytest.raises(OSError, match="the disk is gone") as caught:
        list(pipeline.iterate(0, 3, prefetch=prefetch))
    assert "pipeline.py" in "".join(traceback.format_tb(caught.tb))
    assert not settle()


def test_rows_must_divide_by_processes():
    with pytest.raises(UserError, match="'real': 8 rows per step do not divide by 3 processes"):
        make_pipeline(STREAMS, seed=0, process_index=0, process_count=3)


@pytest.mark.parametrize(
    ("streams", "message"),
    [
        ([], "No stream"),
        ([stream(count=0)], "'real' has no example"),
        ([stream(per_step=0)], "0 rows per step"),
        ([Stream("a", {"x": np.zeros(3), "y": np.zeros(4)}, 1)], "lengths {'x': 3, 'y': 4}"),
        ([stream(), Stream("b", {"id": np.arange(3)}, 1)], "Stream 'b' holds"),
        ([stream(), Stream("b", {"id": np.arange(3), "image": np.zeros((3, 3))}, 1)], "Stream 'b' holds"),
    ],
)
def test_bad_streams(streams, message):
    with pytest.raises(UserError, match=message):
        make_pipeline(streams, seed=0)


def test_bad_process_index():
    with pytest.raises(UserError, match="process_index is 2; expected 0 to 1"):
        make_pipeline(STREAMS, seed=0, process_index=2, process_count=2)


def test_negative_step():
    with pytest.raises(IndexError, match="step -1 is negative"):
        make_pipeline(STREAMS, seed=0)[-1]


def test_a_stream_is_reported_without_its_images():
    reported = Stream("rendered", {"label": np.zeros(1000)}, 1, _images(np.zeros((1000, 4, 4, 3), np.uint8)))
    assert len(repr(make_pipeline([reported], seed=0))) < 1000


def _images(values):
    count = len(values)
    names = np.arange(count).astype(str)
    return ImageArray(values, np.zeros(count, np.int32), names, names, np.zeros((count, 0), np.int32))


def _views(**options):
    ids = np.arange(50)
    return Stream("real", {"id": ids}, 8, views=2, **options)


@pytest.mark.parametrize("count", [1, 2])
def test_views_of_a_image_share_a_group_in_one_process(count):
    def shift(rows, positions):
        assert (positions % 2 == 1).all()  # of the first view nothing is asked
        return (rows + 1) % 50

    seen = []
    for step in range(30):  # over several epochs
        for process in range(count):
            streams = [_views(another=shift), stream("synthetic", 12, 4, offset=1000)]
            streams[1] = Stream("synthetic", {"id": streams[1].arrays["id"]}, 4)
            batch = make_pipeline(streams, seed=0, process_index=process, process_count=count)[step]
            real = 8 // count
            first, second = batch["id"][: real // 2], batch["id"][real // 2 : real]
            np.testing.assert_array_equal(second, (first + 1) % 50)
            group = batch["group"][:real].reshape(2, -1)
            np.testing.assert_array_equal(group[0], group[1])
            assert batch["group"].dtype == np.int32 and len(np.unique(group)) == real // 2
            seen += first.tolist()
    assert sorted(seen[:50]) == list(range(50)) if count == 1 else len(set(seen)) == 50


def test_images_are_read_at_positions_of_their_own(monkeypatch):
    positions, images = [], _images(np.arange(50)[:, None])
    read = ImageArray.read

    def noting(self, rows, own):
        positions.extend(own.tolist())
        return read(self, rows, own)

    monkeypatch.setattr(ImageArray, "read", noting)
    pipeline = make_pipeline([Stream("real", {"row": np.arange(50)}, 8, images, views=2)], seed=0)
    for step in range(3):
        batch = pipeline[step]
        np.testing.assert_array_equal(batch["image"][:, 0], batch["row"])
    assert sorted(positions) == list(range(24))


def test_images_of_other_shapes_or_lengths_are_refused():
    first = Stream("real", {}, 8, _images(np.zeros((50, 4), np.float32)))
    with pytest.raises(UserError, match="Stream 'other' holds"):
        make_pipeline([first, Stream("other", {}, 4, _images(np.zeros((50, 5), np.float32)))], seed=0)
    with pytest.raises(UserError, match=r"lengths \{'label': 3, 'image': 50\}"):
        make_pipeline([Stream("real", {"label": np.zeros(3)}, 8, first.images)], seed=0)


def test_rows_that_views_do_not_divide_are_refused():
    with pytest.raises(UserError, match=r"8 rows per step do not divide by 2 processes of 3 views; .* multiple of 6"):
        make_pipeline([Stream("real", {"id": np.arange(9)}, 8, views=3)], seed=0, process_count=2)

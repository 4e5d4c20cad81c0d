"""Cascading randomisation: which layers become random, in which order; rank correlation by hand."""

import jax
import numpy as np
import pytest

from kgv_jax.explain.randomised import cascade, rank_correlation, similarities

LEARNT = {
    "params": {
        "encoder": {"stem": {"kernel": 1.0}, "block": {"kernel": 1.0, "norm": {"scale": 1.0}}},
        "projection": {"kernel": 1.0},
        "decoder_hidden": {"kernel": 1.0},
        "decoder": {"kernel": 1.0},
    },
    "batch_stats": {"encoder": {"block": {"norm": {"mean": 1.0}}}},
}


def test_from_the_output_to_the_input_one_layer_more_each_time():
    fresh = jax.tree.map(lambda _: 0.0, LEARNT)
    steps = list(cascade(LEARNT, fresh, ("stem/.*", "block/.*")))
    assert [name for name, _ in steps] == ["decoder", "projection", "encoder, layer 2", "encoder, layer 1"]
    left = [sum(jax.tree.leaves(variables)) for _, variables in steps]
    assert left == [5, 4, 1, 0]  # the hidden layer goes with the decoder, statistics with their layer
    assert steps[2][1]["params"]["encoder"]["stem"]["kernel"] == 1
    assert all(jax.tree.leaves(LEARNT)), "what was learnt is left alone"


def test_rank_correlation_by_hand():
    maps = np.array([[[1, 2], [3, 4]], [[1, 2], [3, 4]], [[1, 2], [3, 4]], [[1, 1], [2, 2]]], float)
    others = np.array([[[10, 20], [30, 99]], [[4, 3], [2, 1]], [[0, 0], [0, 0]], [[1, 2], [3, 4]]], float)
    # Of the last, ranks 1.5 1.5 3.5 3.5 and 1 2 3 4: 4 / sqrt(4 x 5).
    np.testing.assert_allclose(rank_correlation(maps, others), [1, -1, 0, 4 / np.sqrt(20)])


def test_a_record_is_the_mean_over_images():
    maps = np.arange(8.0).reshape(2, 2, 2)
    (record,) = similarities(maps, [("decoder", np.stack([maps[0], -maps[1]]))])
    assert record == {"down to": "decoder", "correlation": pytest.approx(0.0), "n": 2}

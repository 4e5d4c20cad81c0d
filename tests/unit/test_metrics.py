"""Recall of elements by hand."""

import numpy as np
import pytest

from kgv_jax.metrics import element_recall


def test_only_candidates_compete():
    scores = np.array([[9.0, 1.0, 0.0, 2.0], [9.0, 3.0, 0.0, 2.0], [9.0, 0.0, 1.0, 0.0]])
    assert element_recall(scores, np.array([3, 3, 2]), [1, 2, 3]) == pytest.approx(2 / 3)
    assert element_recall(scores, np.array([3, 3, 2]), [0, 1, 2, 3]) == 0.0


def test_no_picture_is_an_error():
    with pytest.raises(ValueError, match="no pictures"):
        element_recall(np.zeros((0, 3)), np.zeros(0, int), [1])

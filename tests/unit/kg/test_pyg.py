"""Adjacencies against PyTorch Geometric 2.8.1, whose numbers `python -m benchmarks.peers.loss_values` prints."""

import numpy as np

from kgv_jax.kg import adjacency

EDGES = np.array([[0, 1], [1, 2], [2, 3], [1, 3]])  # and 4 alone
FEATURES = np.sin(np.arange(1, 16)).reshape(5, 3)
WEIGHT = np.sin(np.arange(30, 36)).reshape(2, 3)
GCN = [  # GCNConv, no bias
    [-0.2136120343507693, 0.22641013807442995],
    [-0.2018375388285854, 0.2064630217963771],
    [0.22457339504458262, -0.2768329983148697],
    [0.22457339504458262, -0.27683299831486974],
    [-0.4567949176711088, 0.6658012206510204],
]
MEAN = [  # SAGEConv's mean, every node with a loop
    [0.04233424474998415, -0.024813423918728372, -0.06914774506952932],
    [0.0494084943323469, -0.015064701941194636, -0.06568748072443426],
    [-0.21461233582616965, -0.3231854115301534, -0.1346233103192014],
    [-0.21461233582616965, -0.3231854115301534, -0.1346233103192014],
    [0.4201670368266409, 0.9906073556948704, 0.6502878401571168],
]


def _product(found, rows):
    result = np.zeros((5, rows.shape[1]))
    np.add.at(result, found.to, found.weight[:, None] * rows[found.source])
    return result


def test_the_symmetric_one_is_a_graph_convolution():
    found = _product(adjacency.symmetric(EDGES, 5), FEATURES @ WEIGHT.T)
    np.testing.assert_allclose(found, GCN, rtol=1e-6)


def test_the_normalised_rows_are_a_mean_of_neighbours():
    np.testing.assert_allclose(_product(adjacency.row_normalised(EDGES, 5), FEATURES), MEAN, rtol=1e-6)

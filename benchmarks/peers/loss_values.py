"""Prints what published libraries give for losses and layers of ours, on inputs that are waves.

    .venv-peers/bin/python -m benchmarks.peers.loss_values

`wave(n, start)` is `sin(start), sin(start + 1), ...`, `n` of them. `tests/unit/methods/test_peers.py` and
`tests/unit/kg/test_pyg.py` hold ours against the numbers.
"""

from __future__ import annotations

import importlib.metadata
import json

import torch
import torch.nn.functional as F
from pytorch_metric_learning import losses
from torch_geometric.nn import GCNConv, SAGEConv

PACKAGES = ("torch", "pytorch-metric-learning", "torch-geometric")
# 0 - 1 - 2 - 3, 1 - 3, and 4 alone.
EDGES = torch.tensor([[0, 1, 1, 2, 2, 3, 1, 3], [1, 0, 2, 1, 3, 2, 3, 1]])


def wave(*shape: int, start: int) -> torch.Tensor:
    """Returns numbers that have nothing to do with each other."""
    count = int(torch.tensor(shape).prod())
    return torch.sin(torch.arange(start, start + count, dtype=torch.float64)).reshape(shape)


def contrastive() -> dict[str, float]:
    """Six embeddings: three classes for SupCon, three images with two views each for NT-Xent."""
    u, label = wave(6, 4, start=1), torch.tensor([0, 0, 1, 0, 1, 1])
    views = torch.tensor([0, 1, 2, 0, 1, 2])
    return {
        "supcon": losses.SupConLoss(temperature=0.1)(u, label).item(),
        "nt_xent": losses.NTXentLoss(temperature=0.5)(u, views).item(),
    }


def classification() -> dict[str, float]:
    """Cross-entropy with smoothing, binary cross-entropy of what is asked, the multi-class hinge, KL of Gaussians."""
    logits, label = 3 * wave(5, 4, start=1), torch.tensor([0, 3, 2, 1, 3])
    asked, truth = wave(5, 4, start=60) > -0.3, (wave(5, 4, start=80) > 0).double()
    bce = F.binary_cross_entropy_with_logits(logits, truth, reduction="none")
    child, parent = (
        torch.distributions.Normal(wave(3, start=s), (0.5 + wave(3, start=s + 20) ** 2) ** 0.5) for s in (1, 4)
    )
    return {
        "smoothed": F.cross_entropy(logits, label, label_smoothing=0.1).item(),
        "bce": (torch.where(asked, bce, 0).sum(-1) / asked.sum(-1)).mean().item(),
        "hinge": F.multi_margin_loss(logits, label, reduction="none").mul(4).tolist(),
        "kl": torch.distributions.kl_divergence(child, parent).sum().item(),
    }


def convolutions() -> dict[str, list]:
    """`D^-1/2 (A + I) D^-1/2 X W` and `D^-1 (A + I) X` of five nodes."""
    x, weight = wave(5, 3, start=1), wave(2, 3, start=30)
    symmetric = GCNConv(3, 2, bias=False).double()
    mean = SAGEConv(3, 3, root_weight=False, bias=False).double()
    with torch.no_grad():
        symmetric.lin.weight.copy_(weight)
        mean.lin_l.weight.copy_(torch.eye(3))
        loops = torch.arange(5).repeat(2, 1)
        return {
            "symmetric": symmetric(x, EDGES).tolist(),
            "mean": mean(x, torch.cat([EDGES, loops], 1)).tolist(),
        }


if __name__ == "__main__":
    print(*(f"{name} {importlib.metadata.version(name)}" for name in PACKAGES), sep=", ")
    print(json.dumps(contrastive() | classification() | convolutions(), indent=1))

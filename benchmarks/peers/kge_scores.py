"""Prints PyKEEN's scores of one triple under each model, and its losses.

`tests/unit/embed/test_pykeen.py` holds ours against them.

    .venv-peers/bin/python -m benchmarks.peers.kge_scores

The vectors are `sin(start), sin(start + 1), ...`: h from 1, r from 4, t from 7, second parts (imaginary, variance,
normal) from 10, 13 and 16; variances are one half plus the square of that, the normal has length one.
"""

from __future__ import annotations

import importlib.metadata
import json

import torch
from pykeen import losses
from pykeen.nn import modules


def wave(start: int) -> torch.Tensor:
    """Returns three numbers that have nothing to do with each other."""
    return torch.sin(torch.arange(start, start + 3, dtype=torch.float64))


def main() -> None:
    h, r, t = (wave(start) for start in (1, 4, 7))
    second = h2, r2, t2 = tuple(wave(start) for start in (10, 13, 16))
    hv, rv, tv = (0.5 + x**2 for x in second)
    normal, phase = r2 / r2.norm(), torch.complex(torch.cos(r), torch.sin(r))
    hc, rc, tc = torch.complex(h, h2), torch.complex(r, r2), torch.complex(t, t2)
    scores = {
        "transe l1": modules.TransEInteraction(p=1)(h, r, t),
        "transe l2": modules.TransEInteraction(p=2)(h, r, t),
        "transh": modules.TransHInteraction(p=2)(h, (normal, r), t),
        "distmult": modules.DistMultInteraction()(h, r, t),
        "complex": modules.ComplExInteraction()(hc, rc, tc),
        "rotate": modules.RotatEInteraction()(hc, phase, tc),
        "kg2e kl": modules.KG2EInteraction(similarity="KL")((h, hv), (r, rv), (t, tv)),
        # Without its constants: with them, 1.11.1 asks a sum for its last axis, and fails.
        "kg2e el": modules.KG2EInteraction(similarity="EL", similarity_kwargs={"exact": False})(
            (h, hv), (r, rv), (t, tv)
        ),
    }
    positive, negative = wave(20)[:2], 2 * wave(30).repeat(2, 2)[:, :4]
    values = {
        "margin": losses.MarginRankingLoss(margin=1.5).process_slcwa_scores(positive[:, None], negative),
        "nssa": losses.NSSALoss(margin=1.5, adversarial_temperature=2.0).process_slcwa_scores(
            positive[:, None], negative
        ),
        "softplus": losses.SoftplusLoss().process_slcwa_scores(positive[:, None], negative),
    }
    print(importlib.metadata.version("pykeen"), json.dumps({name: score.item() for name, score in scores.items()}))
    print(json.dumps({name: value.item() for name, value in values.items()}))


if __name__ == "__main__":
    main()

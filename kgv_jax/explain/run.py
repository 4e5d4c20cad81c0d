"""From a finished run to its maps and their numbers."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from kgv_jax import train
from kgv_jax.explain.boxes import boxes_of
from kgv_jax.explain.faithfulness import STEPS
from kgv_jax.explain.grad_cam import enlarge, make_grad_cam
from kgv_jax.explain.measure import Explained
from kgv_jax.explain.randomised import cascade
from kgv_jax.models import registry
from kgv_jax.models.spec import EncoderSpec
from kgv_jax.run import wise_ft
from kgv_jax.run.state import State
from kgv_jax.run.workdir import Workdir
from kgv_jax.train import Run
from kgv_jax.util.errors import UserError, nearest

_BATCH = 2 * (STEPS + 1)  # the images of one deletion and one insertion


@dataclasses.dataclass(frozen=True)
class Explainer:
    """A run at its newest checkpoint, ready to be asked.

    Attributes:
      run: the run.
      variables: `{"params", "batch_stats"}` of the classifier, those that results are reported for.
    """

    run: Run
    variables: Any

    @classmethod
    def restore(cls, workdir: Workdir) -> Explainer:
        """Reads the run of a folder."""
        run, state = train.restore_run(workdir.read_config(), workdir)
        return cls(run, _evaluated(run, state))

    @property
    def spec(self) -> EncoderSpec:
        """The specification of the run's encoder."""
        return registry.get(self.run.config.model.encoder)

    def choose(self, domain: str, count: int, *, of: str) -> Explained:
        """Returns photographs at equal distances of a domain, and what is known of them.

        Args:
          domain: a test domain, or validation.
          count: how many, as far as there are so many.
          of: the class whose map is made: the one "predicted" by the decoder, or the "label".
        """
        domains = self.run.experiment.domains
        if domain not in domains:
            raise UserError(
                f"--domain is {domain!r}{nearest(domain, domains)}; the run has {', '.join(domains)}. Name one of them."
            )
        examples = domains[domain]
        rows = equal_distances(len(examples), count)
        images = examples.read(rows, rows)
        label = examples.labels[rows]
        return Explained(
            images=images,
            group=examples.groups[rows],
            label=label,
            classes=label if of == "label" else self.probabilities(images).argmax(-1).astype(np.int32),
            boxes=boxes_of(self.run.config, self.run.experiment.dataset, domain, examples.ids[rows]),
            mean=np.round(255 * np.asarray(self.spec.mean)).astype(np.uint8),
        )

    def probabilities(self, images: np.ndarray) -> np.ndarray:
        """Returns the decoder's probabilities `[n, C]` of images `[n, S, S, 3]`."""
        return _in_batches(functools.partial(self._probabilities, self.variables), images)

    def maps(self, explained: Explained, variables: Any = None) -> np.ndarray:
        """Returns the maps `[n, H, W]` of Grad-CAM, of the run's own variables or others."""
        grad_cam = functools.partial(self._grad_cam, self.variables if variables is None else variables)
        return _in_batches(grad_cam, explained.images, explained.classes)

    def randomised(self) -> Iterator[tuple[str, Any]]:
        """Yields variables that are drawn anew, from the output down to the input; see `cascade`."""
        config = self.run.config
        image = jnp.zeros((1, config.data.size_px, config.data.size_px, 3), jnp.uint8)
        init = jax.jit(functools.partial(self.run.classifier.init, train=False))
        # The next seed: with the run's own, what it began with would come back.
        fresh = init(jax.random.key(config.seed + 1, impl="rbg"), image)
        return cascade(self.variables, {name: fresh[name] for name in self.variables}, self.spec.layers)

    @functools.cached_property
    def _probabilities(self) -> Callable:
        apply = functools.partial(self.run.classifier.apply, train=False)
        return jax.jit(lambda variables, images: jax.nn.softmax(apply(variables, images).logits))

    @functools.cached_property
    def _grad_cam(self) -> Callable:
        return jax.jit(make_grad_cam(self.run.classifier, self.spec.explained))


def at_full_size(maps: np.ndarray, explained: Explained) -> np.ndarray:
    """Returns maps `[n, H, W]` at the size of their photographs."""
    return np.maximum(np.asarray(enlarge(jnp.asarray(maps), explained.images.shape[1])), 0)


def equal_distances(total: int, count: int) -> np.ndarray:
    """Returns `count` of `total` rows, at equal distances from the first to the last.

    >>> equal_distances(10, 4), equal_distances(2, 4)
    (array([0, 3, 6, 9]), array([0, 1]))
    """
    return np.linspace(0, total - 1, min(count, total)).round().astype(int)


def _evaluated(run: Run, state: State) -> Any:
    if wise_ft.is_enabled(run.config.transfer):
        state = wise_ft.average(state, run.config.transfer.alpha)
    params = state.ema or state.params
    statistics = {"batch_stats": state.batch_stats} if state.batch_stats else {}
    return {"params": params["classifier"], **statistics}


def _in_batches(function: Callable, *arrays: np.ndarray) -> np.ndarray:
    """Returns a function's results of all rows; the last batch is padded with its last row, so one size compiles."""
    found = []
    for start in range(0, len(arrays[0]), _BATCH):
        parts = [array[start : start + _BATCH] for array in arrays]
        size = len(parts[0])
        padded = [np.concatenate([part, np.repeat(part[-1:], _BATCH - size, 0)]) for part in parts]
        found.append(np.asarray(function(*padded))[:size])
    return np.concatenate(found)

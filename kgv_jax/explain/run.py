"""From a finished run to its images, maps and predictions."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from kgv_jax.config.schema import Config
from kgv_jax.data.render_augment import RENDER_SCALE, RenderAugmentation, object_box, view_rng
from kgv_jax.data.types import VALIDATION, Dataset
from kgv_jax.experiment.examples import stream_of_domain
from kgv_jax.explain.faithfulness import STEPS
from kgv_jax.explain.grad_cam import enlarge, make_grad_cam
from kgv_jax.explain.measure import Explained
from kgv_jax.explain.randomised import cascade
from kgv_jax.models import registry
from kgv_jax.models.spec import EncoderSpec
from kgv_jax.run import wise_ft
from kgv_jax.run.build import Run
from kgv_jax.run.restore import restore_run
from kgv_jax.run.state import State
from kgv_jax.run.workdir import Workdir
from kgv_jax.util.errors import UserError, nearest

_BATCH = 2 * (STEPS + 1)  # the images of one deletion curve and one insertion curve


@dataclasses.dataclass(frozen=True)
class Explainer:
    """A run at its newest checkpoint.

    Attributes:
      run: the run.
      variables: `{"params", "batch_stats"}` of the classifier: averaged ones where results are reported for averages.
    """

    run: Run
    variables: Any

    @classmethod
    def restore(cls, workdir: Workdir) -> Explainer:
        """Reads the run of a folder."""
        run, state = restore_run(workdir.read_config(), workdir)
        return cls(run, _evaluated(run, state))

    @property
    def spec(self) -> EncoderSpec:
        """The specification of the run's encoder."""
        return registry.get(self.run.config.model.encoder)

    def choose(self, domain: str, count: int, *, of: str) -> Explained:
        """Returns images at equal distances in a domain, and what is known of them.

        They are chosen before any is predicted, so no image is shown for what the model makes of it.

        Args:
          domain: a test domain, or validation.
          count: number of images; all, if the domain has fewer.
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
            boxes=_boxes(self.run.config, self.run.experiment.dataset, domain, examples.ids[rows]),
            mean=np.round(255 * np.asarray(self.spec.mean)).astype(np.uint8),
        )

    def probabilities(self, images: np.ndarray) -> np.ndarray:
        """Returns the decoder's probabilities `[n, C]` of images `[n, S, S, 3]`."""
        return _in_batches(functools.partial(self._probabilities, self.variables), images)

    def maps(self, explained: Explained, variables: Any = None) -> np.ndarray:
        """Returns the maps `[n, H, W]` of Grad-CAM with the run's own variables or others."""
        grad_cam = functools.partial(self._grad_cam, self.variables if variables is None else variables)
        return _in_batches(grad_cam, explained.images, explained.classes)

    def randomised(self) -> Iterator[tuple[str, Any]]:
        """Yields variables that are random from the output down to some layer; see `cascade`."""
        config = self.run.config
        image = jnp.zeros((1, config.data.size_px, config.data.size_px, 3), jnp.uint8)
        init = jax.jit(functools.partial(self.run.classifier.init, train=False))
        # Another seed than the run's own, whose initial weights the learnt ones may still resemble.
        random = init(jax.random.key(config.seed + 1, impl="rbg"), image)
        return cascade(self.variables, {name: random[name] for name in self.variables}, self.spec.layers)

    @functools.cached_property
    def _probabilities(self) -> Callable:
        apply = functools.partial(self.run.classifier.apply, train=False)
        return jax.jit(lambda variables, images: jax.nn.softmax(apply(variables, images).logits))

    @functools.cached_property
    def _grad_cam(self) -> Callable:
        return jax.jit(make_grad_cam(self.run.classifier, self.spec.explained))


def at_full_size(maps: np.ndarray, explained: Explained) -> np.ndarray:
    """Returns maps `[n, H, W]` at the size of their images."""
    return np.maximum(np.asarray(enlarge(jnp.asarray(maps), explained.images.shape[1])), 0)


def equal_distances(total: int, count: int) -> np.ndarray:
    """Returns `count` of `total` rows, at equal distances from the first to the last.

    >>> equal_distances(10, 4), equal_distances(2, 4)
    (array([0, 3, 6, 9]), array([0, 1]))
    """
    return np.linspace(0, total - 1, min(count, total)).round().astype(int)


def _evaluated(run: Run, state: State) -> Any:
    # The weights that the run is evaluated with: interpolated (WiSE-FT) or averaged (EMA) ones where it has them.
    if wise_ft.is_enabled(run.config.transfer):
        state = wise_ft.average(state, run.config.transfer.alpha)
    params = state.ema or state.params
    statistics = {"batch_stats": state.batch_stats} if state.batch_stats else {}
    return {"params": params["classifier"], **statistics}


def _in_batches(function: Callable, *arrays: np.ndarray) -> np.ndarray:
    """Returns a function's results for all rows; the last batch is padded, so that one size is compiled."""
    found = []
    for start in range(0, len(arrays[0]), _BATCH):
        parts = [array[start : start + _BATCH] for array in arrays]
        size = len(parts[0])
        padded = [np.concatenate([part, np.repeat(part[-1:], _BATCH - size, 0)]) for part in parts]
        found.append(np.asarray(function(*padded))[:size])
    return np.concatenate(found)


def _boxes(config: Config, dataset: Dataset, domain: str, ids: Sequence[str]) -> np.ndarray | None:
    """Returns `[n, 4]` int (left, top, right, bottom) of rendered views, or None where images are not rendered.

    View `IMAGE#K` is a function of (split seed, stream, source image, k), so the random numbers that placed the sign in
    the frame can be repeated to find its box. Of an emoji the box is that of its card.

    Args:
      config: the run's config.
      dataset: its images.
      domain: a test domain, or validation.
      ids: ids of the views, as in predictions files.
    """
    if not dataset.render_views:
        return None
    images = dataset.validation if domain == VALIDATION else dataset.domains[domain]
    by_id = {group.id: group for group in images}
    size_px, boxes = config.data.size_px, []
    for name in ids:
        group, _, k = name.rpartition("#")
        pixels = by_id[group].load(round(RENDER_SCALE * size_px))
        rng = view_rng(config.data.split_seed, stream_of_domain(domain), group, int(k))
        boxes.append(object_box(pixels, size_px, rng, RenderAugmentation()))
    return np.array(boxes)

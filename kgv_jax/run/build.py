"""From a config to a `Run`: what training, evaluation and explanation share.

A run is built in three steps: the data side (`experiment.build`), the model side (classifier, objective, optimiser),
and last the layout of the state on the devices. The layout needs shapes alone, so no parameter is computed before
`make_state`: a model too large for the devices fails here, with its shapes known and no memory taken.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import Array
from jax.sharding import Mesh

from kgv_jax.config.schema import Config
from kgv_jax.experiment import build as experiment_lib
from kgv_jax.experiment.build import Experiment
from kgv_jax.experiment.class_roles import Trained
from kgv_jax.methods import make_objective
from kgv_jax.methods.graph_arrays import GraphArrays
from kgv_jax.methods.objective import Objective
from kgv_jax.models import registry
from kgv_jax.models.classifier import Classifier
from kgv_jax.models.infuse import make_infuse
from kgv_jax.models.spec import EncoderOptions
from kgv_jax.optim.optimizer import make_optimizer
from kgv_jax.optim.stages import Stage, plan_stages
from kgv_jax.parallel import mesh as mesh_lib
from kgv_jax.run import wise_ft
from kgv_jax.run.state import InitialValues, State, init_state
from kgv_jax.util.errors import UserError


@dataclasses.dataclass(frozen=True)
class Run:
    """What training and evaluation share.

    Attributes:
      config: the resolved config.
      experiment: images, graph, mask, batches and test domains.
      mesh: the devices.
      classifier, objective: the model and what it is trained for; both are pure.
      graph_arrays: the mask and the graph on the devices.
      stages: the stages of training, in their order.
      optimizer: one for all stages.
      init: `init(seed, values) -> State`, pure and not jitted; `make_state` runs it.
      abstract_state: shape and type of every array of the state.
      shardings: where each of them lies.
    """

    config: Config
    experiment: Experiment
    mesh: Mesh
    classifier: Classifier
    objective: Objective
    graph_arrays: GraphArrays
    stages: tuple[Stage, ...]
    optimizer: optax.GradientTransformation
    init: Callable[[Array | np.uint32, InitialValues | None], State]
    abstract_state: State
    shardings: State

    @property
    def seed(self) -> np.uint32:
        """The run's seed, as an argument of programs: all seeds then share what is compiled."""
        return np.uint32(self.config.seed)

    def restorable(self) -> State:
        """Returns the abstract state with the sharding of every array, for the checkpointer."""
        return jax.tree.map(
            lambda leaf, sharding: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=sharding),
            self.abstract_state,
            self.shardings,
        )


def make_run(
    config: Config,
    *,
    epsilon: float | None = None,
    trained: Trained | None = None,
    devices: Sequence[jax.Device] | None = None,
) -> Run:
    """Builds all of a run but the values of its state.

    Args:
      config: the resolved config.
      epsilon: of the encoder's layer norms, where the weights it begins with ask for another than the family's.
      trained: what was trained, where the run is evaluated with another graph than it was trained with.
      devices: those to use, all if None.
    """
    # Devices, and the data side.
    mesh = mesh_lib.make_mesh(config.mesh.data, config.mesh.model, devices=devices)
    experiment = experiment_lib.build(
        config, process_index=jax.process_index(), process_count=jax.process_count(), trained=trained
    )
    for stream in experiment.pipeline.streams:
        mesh_lib.check_divisible(f"The number of {stream.name!r} images per step", stream.per_step, mesh)

    # The mask and the graph, on the devices.
    graph_arrays = GraphArrays.from_mask(
        experiment.mask,
        class_nodes=experiment.class_nodes,
        class_rows=experiment.class_rows,
        parents=experiment.parents,
        shards=mesh.shape["model"],
    )
    graph_arrays = jax.device_put(graph_arrays, mesh_lib.graph_array_shardings(mesh, graph_arrays))

    # Model, objective, optimiser: descriptions without arrays.
    classifier = make_classifier(config, num_classes=len(experiment.dataset.classes), epsilon=epsilon)
    objective = make_objective(config, graph_arrays, mesh)
    stages = plan_stages(config)
    layers = registry.get(config.model.encoder).layers
    optimizer = make_optimizer(config.optim, stages, transfer=config.transfer, layers=layers)

    def init(seed: Array | np.uint32, values: InitialValues | None = None) -> State:
        return init_state(
            seed,
            classifier=classifier,
            objective=objective,
            optimizer=optimizer,
            image_shape=experiment.image_shape,
            image_dtype=experiment.image_dtype,
            ema=config.optim.ema_decay > 0,
            anchored=wise_ft.is_enabled(config.transfer),
            values=values,
        )

    # Shapes before memory: the state's layout follows from its shapes alone.
    abstract_state = jax.eval_shape(init, np.uint32(config.seed))
    return Run(
        config=config,
        experiment=experiment,
        mesh=mesh,
        classifier=classifier,
        objective=objective,
        graph_arrays=graph_arrays,
        stages=stages,
        optimizer=optimizer,
        init=init,
        abstract_state=abstract_state,
        shardings=mesh_lib.state_shardings(mesh, abstract_state),
    )


def make_classifier(config: Config, *, num_classes: int, epsilon: float | None = None) -> Classifier:
    """Returns the classifier of a config; `epsilon` as in `make_run`."""
    model = config.model
    encoder = registry.get(model.encoder)
    side = model.input_px or config.data.size_px
    if side % encoder.multiple_px:
        below = max(side // encoder.multiple_px, 1) * encoder.multiple_px
        raise UserError(
            f"config.model.encoder = {model.encoder!r} reads images whose sides are multiples of "
            f"{encoder.multiple_px} px; they would be {side} px. Set --config.model.input_px={below} or "
            f"{below + encoder.multiple_px}."
        )
    options = EncoderOptions(
        norm=model.norm,
        dtype=jnp.dtype(model.dtype),
        remat=model.remat,
        drop_path=model.drop_path,
        epsilon=epsilon,
    )
    return Classifier(
        encoder.make(options),
        num_classes=num_classes,
        dim=model.dim,
        decoder=model.decoder,
        infuse=make_infuse(config.infuse, width=model.dim),
        mean=encoder.mean,
        std=encoder.std,
        input_px=model.input_px,
    )


def make_state(run: Run, values: InitialValues | None = None) -> State:
    """Returns the state before the first step. Every array is computed where it will lie."""
    return jax.jit(run.init, out_shardings=run.shardings)(run.seed, values)

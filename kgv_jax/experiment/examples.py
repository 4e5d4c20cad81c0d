"""The images of a config: its data set, and the set of images that each domain is tested on."""

from __future__ import annotations

from kgv_jax.config.schema import Config
from kgv_jax.data.sources import SOURCES
from kgv_jax.data.types import VALIDATION, Dataset, ImageSet, Reading
from kgv_jax.util.errors import UserError


def load_dataset(config: Config, *, every_class: bool = False) -> Dataset:
    """Lists the images that `config.data` names; with `every_class` also those of classes that the source lacks.

    Raises:
      UserError: the data set has no photographs of its targets, and the oracle is asked for; or it is not as published.
    """
    data = config.data
    source = SOURCES[data.name]
    if data.target_images and "target_images" not in source.settings:
        able = ", ".join(name for name, other in SOURCES.items() if "target_images" in other.settings)
        raise UserError(
            f"config.data.target_images is {data.target_images}, and the data set {data.name!r} has no photographs of "
            f"its targets to train on; the oracles are for {able}. Take another method, or set it to 0."
        )
    options = {argument: getattr(data, setting) for argument, setting in source.settings.items()}
    if every_class and source.open_classes:
        options["every_class"] = True
    return source.load(source=data.source, targets=data.targets, seed=data.split_seed, **options)


def stream_of_domain(domain: str) -> str:
    """Returns the name of the stream of a test domain; it seeds the rendered views."""
    return f"test-{domain}"


def open_domains(config: Config, dataset: Dataset) -> dict[str, ImageSet]:
    """Returns what every domain is tested on: the validation part first, then the test domains that have images."""
    domains = {}
    for name, images in {VALIDATION: dataset.validation, **dataset.domains}.items():
        if len(images):
            domains[name] = images.open(
                Reading(
                    size_px=config.data.size_px,
                    stream=stream_of_domain(name),
                    seed=config.data.split_seed,
                    views=config.data.test_views if dataset.render_views else 1,
                    render=dataset.render_views,
                )
            )
    return domains

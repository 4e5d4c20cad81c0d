"""The table of data sets: what every entry states is there, and loading one goes by it."""

import dataclasses
import inspect

import pytest

from kgv_jax.config import schema as config_schema
from kgv_jax.data.sources import SOURCES
from kgv_jax.experiment.examples import load_dataset
from kgv_jax.util.errors import UserError


@pytest.mark.parametrize("name", SOURCES)
def test_an_entry_fits_its_loader_and_the_settings(name):
    source = SOURCES[name]
    arguments = inspect.signature(source.load).parameters
    assert {"source", "targets", "seed", *source.settings} <= {*arguments}
    assert {*source.settings.values()} <= {field.name for field in dataclasses.fields(config_schema.Data)}
    assert ("every_class" in arguments) == source.open_classes


def test_a_data_set_gets_its_settings():
    values = config_schema.default_config()
    values.method = "ce"
    values.kg.path = "fake"
    values.data.update({"name": "fake", "source": "imagenet", "targets": "v2", "fake_classes": 5, "fake_images": 3})
    dataset = load_dataset(config_schema.resolve(values), every_class=True)
    assert len(dataset.classes) == 5 and len(dataset.train) == 15 and [*dataset.domains] == ["imagenet", "v2"]


def test_a_name_that_no_module_states():
    with pytest.raises(UserError, match=r"no data set 'foldr', did you mean 'folder'"):
        SOURCES["foldr"]

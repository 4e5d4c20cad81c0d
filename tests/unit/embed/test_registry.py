"""The registry: every model by name, with settings that can be changed."""

import jax
import pytest

from kgv_jax.embed.model import Model
from kgv_jax.embed.registry import RECIPES, recipe
from kgv_jax.util.errors import UserError


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_makes_a_model_and_a_loss(name):
    found = recipe(name)
    model, settings = found.model(), found.settings(8, 3)
    assert isinstance(model, Model) and callable(found.loss_function())
    assert settings.dim == 8 and settings.epochs == 3 and settings.batch == found.batch
    shapes = jax.eval_shape(lambda key: model.tables(model.init(key, 5, 2, 8)), jax.random.key(0))
    assert {x.shape for x in shapes.nodes.values()} == {(5, 8)}
    assert {x.shape for x in shapes.relations.values()} == {(2, 8)}


def test_a_setting_can_be_changed_and_none_changes_nothing():
    start = recipe("kgv")
    assert start.changed(loss=None, batch=None) == start
    assert start.changed(batch=7).batch == 7
    other = start.changed(loss="nssa")
    assert other.loss == "nssa" and not other.loss_settings


def test_unknown_names_are_answered():
    with pytest.raises(UserError, match=r"'transE'.*did you mean.*transe"):
        recipe("transE")
    with pytest.raises(UserError, match=r"The loss 'hinge' is unknown.*softmax"):
        recipe("kgv").changed(loss="hinge")

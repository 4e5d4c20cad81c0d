"""The benchmark's settings: a recipe for every model, and one of PyKEEN's for every peer."""

import pytest

from benchmarks import kge


@pytest.mark.parametrize("graph", kge.GRAPHS)
@pytest.mark.parametrize("model", kge.MODELS)
def test_every_model_has_a_recipe_and_every_peer_its_settings(graph, model):
    recipe = kge.our_recipe(graph, model)
    assert recipe.model() and recipe.loss_function()
    for settings in kge.PEER_SETTINGS.values():
        assert settings[kge.PEERS[model]].keys() == {"loss", "negatives", "learning_rate"}


def test_what_was_chosen_on_a_graph_is_used_there_alone():
    for (graph, model), chosen in kge.CHOSEN.items():
        for name, value in chosen.items():
            assert getattr(kge.our_recipe(graph, model), name) == value
            others = [getattr(kge.our_recipe(other, model), name) for other in kge.GRAPHS if other != graph]
            assert value not in others

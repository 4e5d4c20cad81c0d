"""The zero-shot head: prompts, directions of classes, logits."""

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from kgv_jax.models.tokenizer import load_tokenizer
from kgv_jax.models.zero_shot import TEMPLATES, class_weights, normalised, prompts, zero_shot_logits
from kgv_jax.util.errors import UserError

NAMES = ["in", "the ox", "{}", "a yield sign"]


class BagOfTokens(nn.Module):
    """A tower without a transformer: sums a vector for every token, so that lengths of embeddings differ."""

    vocabulary: int = 600
    context: int = 24

    @nn.compact
    def __call__(self, tokens):
        return nn.Embed(self.vocabulary, 6, name="tokens")(tokens).sum(1)


PARAMS = {"tokens": {"embedding": np.random.default_rng(0).normal(size=(600, 6)).astype(np.float32)}}


def _weights(names, templates=TEMPLATES, **options):
    return np.asarray(class_weights(BagOfTokens(), PARAMS, names, templates, **options))


def test_prompts_put_each_name_into_each_template():
    assert prompts(["cat", "stop sign"], ["a {}.", "{} or {}"]) == [
        "a cat.",
        "cat or cat",
        "a stop sign.",
        "stop sign or stop sign",
    ]
    assert len(prompts(["cat"])) == len(TEMPLATES) == 7


@pytest.mark.parametrize(
    ("names", "templates", "message"),
    [
        ([], ["a {}"], r"class_names is \[\]; expected a list"),
        ("cat", ["a {}"], r"class_names is 'cat'; expected a list"),
        (["cat"], [], r"templates is \[\]; expected a list"),
        (["cat"], "a {}", r"templates is 'a \{\}'; expected a list"),
        (["cat"], ["a {}", "a photo"], r"'a photo' has no \{\}: write it where"),
    ],
)
def test_prompts_of_nothing_are_refused(names, templates, message):
    with pytest.raises(UserError, match=message):
        prompts(names, templates)


def test_weights_are_the_directions_of_mean_directions():
    templates = ["a photo of {}.", "the {} {} {}"]
    columns = []
    for name in NAMES:
        tokens = load_tokenizer(600)([template.replace("{}", name) for template in templates], context=24)
        embeddings = PARAMS["tokens"]["embedding"][tokens].sum(1)
        # Long embeddings count no more than short ones: section 3.1.4 averages after normalising.
        mean = (embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)).mean(0)
        columns.append(mean / np.linalg.norm(mean))
    np.testing.assert_allclose(_weights(NAMES, templates), np.stack(columns, 1), atol=1e-5)


def test_batches_change_nothing():
    whole = _weights(NAMES)
    assert whole.shape == (6, 4)
    for batch_size in (1, 5, 28, 1000):
        np.testing.assert_allclose(_weights(NAMES, batch_size=batch_size), whole, atol=1e-6)


def test_columns_follow_the_names_and_not_the_order_or_number_of_templates():
    whole = _weights(NAMES)
    np.testing.assert_allclose(_weights(NAMES[::-1]), whole[:, ::-1], atol=1e-6)
    np.testing.assert_allclose(_weights(NAMES, TEMPLATES[::-1] * 2), whole, atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(whole, axis=0), 1, atol=1e-6)


def test_logits_are_scaled_cosines():
    rng = np.random.default_rng(1)
    pooled, weights = rng.normal(size=(3, 6)).astype(np.float32), _weights(NAMES)
    cosines = zero_shot_logits(pooled, weights, 0.0)
    assert np.abs(cosines).max() <= 1 + 1e-6
    np.testing.assert_allclose(cosines, zero_shot_logits(7 * pooled, weights, 0.0), atol=1e-6)
    np.testing.assert_allclose(zero_shot_logits(pooled, weights, jnp.log(100.0)), 100 * cosines, rtol=1e-4)
    np.testing.assert_array_equal(zero_shot_logits(weights.T, weights, 4.6).argmax(1), range(4))


def test_the_head_is_differentiable_in_the_image():
    gradient = jax.grad(lambda x: zero_shot_logits(x, jnp.eye(4), 0.0)[0, 1])(jnp.asarray([[3.0, 0.0, 4.0, 0.0]]))
    np.testing.assert_allclose(gradient, [[0, 1 / 5, 0, 0]], atol=1e-6)
    np.testing.assert_allclose(normalised(jnp.asarray([[3.0, 4.0]])), [[0.6, 0.8]], atol=1e-6)

import pytest

from kgv_jax.util.errors import UserError, nearest


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("learning_rat", ", did you mean 'learning_rate'?"),
        ("betta", ", did you mean 'beta'?"),
        ("zzz", ""),
    ],
)
def test_nearest_names_similar_names(name, expected):
    assert nearest(name, ["learning_rate", "beta", "data"]) == expected


def test_a_user_error_is_a_value_error():
    with pytest.raises(ValueError, match="shown as it is"):
        raise UserError("shown as it is")

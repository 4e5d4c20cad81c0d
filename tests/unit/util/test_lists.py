"""Comma-separated names."""

import pytest

from kgv_jax.util.lists import split_names


@pytest.mark.parametrize(
    ("text", "names"), [("", ()), (" , ", ()), ("cn", ("cn",)), ("cn, ru,,us ", ("cn", "ru", "us")), ("a b", ("a b",))]
)
def test_names(text, names):
    assert split_names(text) == names

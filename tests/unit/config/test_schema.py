"""The schema: what is accepted, what is refused, and in which words."""

import dataclasses
import typing

import pytest

from kgv_jax.config import schema as config_schema
from kgv_jax.config.methods import METHODS
from kgv_jax.config.schema import Config, config_class, default_config, differences, digest, resolve, to_dict
from kgv_jax.util.errors import UserError


def _with(**settings):
    values = default_config()
    for key, value in settings.items():
        section, _, name = key.partition("__")
        if name:
            with values.unlocked(), values.ignore_type():
                values[section][name] = value
        else:
            values[section] = value
    return values


def _fields(cls=None, prefix=""):
    cls = cls or config_class()
    types = typing.get_type_hints(cls)
    for field in dataclasses.fields(cls):
        if dataclasses.is_dataclass(types[field.name]):
            yield from _fields(types[field.name], f"{prefix}{field.name}.")
        else:
            yield prefix + field.name, types[field.name], field


@pytest.mark.parametrize(("name", "type_", "field"), list(_fields()), ids=lambda value: str(value)[:40])
def test_every_setting_is_documented_and_its_default_is_valid(name, type_, field):
    about, low, high, choices = (field.metadata[key] for key in ("about", "low", "high", "choices"))
    assert about and isinstance(field.default, typing.get_origin(type_) or type_)
    choices = choices() if callable(choices) else choices
    values = field.default if isinstance(field.default, tuple) else (field.default,)
    assert choices is None or set(values) <= set(choices)
    if isinstance(field.default, (int, float)) and not isinstance(field.default, bool):
        assert low is not None and low <= field.default <= (float("inf") if high is None else high)


def test_defaults_resolve_and_round_trip():
    config = resolve(default_config())
    assert resolve(to_dict(config)) == config
    with pytest.raises(dataclasses.FrozenInstanceError):
        config.seed = 1


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"optim__learning_rat": 1.0}, r"Unknown setting config.optim.learning_rat, did you mean 'learning_rate'"),
        ({"train__steps": -1}, r"config.train.steps is -1; expected from 0 to any: optimiser steps"),
        ({"optim__ema_decay": 1.0}, r"config.optim.ema_decay is 1.0; expected from 0.0 to 0.99999"),
        ({"train__steps": 3.5}, r"config.train.steps is 3.5 \(float\); expected int"),
        ({"train__steps": True}, r"config.train.steps is True \(bool\); expected int"),
        ({"synthetic__elements": 1}, r"config.synthetic.elements is 1 \(int\); expected bool"),
        ({"kgv__loss": "node"}, r"config.kgv.loss is 'node', did you mean 'nodes'\?; expected one of nodes, joint"),
        ({"method": "kgvv"}, r"config.method is 'kgvv', did you mean 'kgv'"),
        ({"kgv__var_init": 9.0}, r"config.kgv.var_init is 9.0; expected between var_min = 0.05"),
        (
            {"kgv__var_min": 1.0, "kgv__var_max": 1.0},
            r"config.kgv.var_min is 1.0 and var_max 1.0; expected var_min below var_max. .* set kgv.vector_nodes=true",
        ),
        ({"optim__learning_rate": float("nan")}, r"config.optim.learning_rate is nan; expected a finite number: peak"),
        ({"optim__clip_norm": float("inf")}, r"config.optim.clip_norm is inf; expected a finite number: global norm"),
        ({"data__name": "folder"}, r"config.data.root is empty"),
        (
            # The graph of such a data set may have no hierarchy, without which dgp is refused.
            {"data__name": "zero_shot_features", "model__encoder": "features"},
            r"method 'kgv' trains on synthetic images too\. Use kgv_no_synthetic, ale, sgcn, ce or another method",
        ),
        ({"fraction": 0.1, "shots": 4}, r"config.fraction = 0.1 and config.shots = 4: each chooses the training"),
        ({"train__accumulate": 3}, r"accumulate is 3, which does not divide config.train.batch_size = 128"),
    ],
)
def test_a_mistake_names_the_value_and_what_was_expected(settings, words):
    with pytest.raises(UserError, match=words):
        resolve(_with(**settings))


def test_integers_pass_as_floats():
    config = resolve(_with(optim__learning_rate=1, transfer__wise_ft=(0, 1)))
    assert config.optim.learning_rate == 1.0 and isinstance(config.optim.learning_rate, float)
    assert [type(alpha) for alpha in config.transfer.wise_ft] == [float, float]


@pytest.mark.parametrize("value", ["cn, ru,", ("cn", "ru"), ["cn", "ru"], "('cn', 'ru')", '["cn","ru"]'])
def test_a_tuple_may_be_written_as_text_or_as_a_list(value):
    values = default_config()
    values.data.targets = value  # type-safe: what the command line does too
    assert resolve(values).data.targets == ("cn", "ru")


@pytest.mark.parametrize(
    ("settings", "name", "expected"),
    [
        (
            {"transfer__freeze": "encoder/.*,(projection|decoder)/bias"},
            "freeze",
            ("encoder/.*", "(projection|decoder)/bias"),
        ),
        ({"transfer__freeze": "(encoder|projection)/.*"}, "freeze", ("(encoder|projection)/.*",)),
        ({"transfer__freeze": "('block[1,2]/.*',)"}, "freeze", ("block[1,2]/.*",)),
        ({"transfer__wise_ft": "0, .5,1"}, "wise_ft", (0.0, 0.5, 1.0)),
        ({"model__templates": "a {}, seen here| the {}"}, "templates", ("a {}, seen here", "the {}")),
        ({"data__targets": "0,180"}, "targets", ("0", "180")),
        ({"data__targets": ""}, "targets", ()),
    ],
)
def test_text_is_split_and_its_elements_have_their_type(settings, name, expected):
    (section,) = {key.partition("__")[0] for key in settings}
    assert getattr(getattr(resolve(_with(**settings)), section), name) == expected


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"transfer__wise_ft": "0,2"}, r"config\.transfer\.wise_ft has 2\.0; expected from 0\.0 to 1\.0: alphas"),
        ({"transfer__wise_ft": "0,half"}, r"wise_ft has 'half' \(str\); expected float: alphas"),
        ({"transfer__wise_ft": (0.0, True)}, r"wise_ft has True \(bool\); expected float"),
        ({"data__targets": ("cn", 3)}, r"config\.data\.targets has 3 \(int\); expected str: domains to test on"),
        ({"data__targets": ("cn", "")}, r"config\.data\.targets has an empty text; leave it out"),
        ({"data__targets": 3}, r"config\.data\.targets is 3 \(int\); expected a tuple of str, or text with ','"),
    ],
)
def test_every_element_is_checked(settings, words):
    with pytest.raises(UserError, match=words):
        resolve(_with(**settings))


def test_unseen_classes_are_said_in_one_way():
    settings = {"zero_shot__unseen_count": 3, "zero_shot__unseen_classes": ("bus",)}
    with pytest.raises(
        UserError, match=r"unseen_count = 3 and config\.zero_shot\.unseen_classes = \('bus',\): each says"
    ):
        resolve(_with(**settings))
    with pytest.raises(UserError, match=r"validation_file is 'x' and no class is unseen"):
        resolve(_with(zero_shot__validation_file="x"))
    assert resolve(_with(zero_shot__unseen_classes="bus, stop")).zero_shot.given("unseen") == {
        "unseen_classes": ("bus", "stop")
    }


def test_a_method_replaces_the_configs_settings():
    config = resolve(_with(method="kgv_vector", kgv__vector_nodes=False, synthetic__compositions=True))
    assert config.kgv.vector_nodes and config.synthetic.elements and not config.synthetic.compositions
    assert set(METHODS) == set(config_schema.Config.__dataclass_fields__["method"].metadata["choices"]())


def _other(type_, value):
    """Returns another value of the type."""
    if typing.get_origin(type_) is tuple:
        (inner, _) = typing.get_args(type_)
        return (*value, {str: "x", float: 0.5}[inner] if inner in (str, float) else inner(name="x"))
    return f"{value}x" if type_ is str else not value if type_ is bool else value + 1


def test_the_digest_follows_every_setting_and_nothing_else():
    base = Config()
    assert digest(base) == digest(Config()) and len(digest(base)) == 12
    seen = {digest(base)}
    for name, type_, field in _fields():
        section, _, key = name.rpartition(".")
        changed = _other(type_, field.default)
        owner = dataclasses.replace(getattr(base, section), **{key: changed}) if section else None
        other = dataclasses.replace(base, **({section: owner} if section else {name: changed}))
        seen.add(digest(other))
        assert [line.split(":")[0] for line in differences(to_dict(base), to_dict(other))] == [name]
    assert len(seen) == 1 + len(list(_fields()))

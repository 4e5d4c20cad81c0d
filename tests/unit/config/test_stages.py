"""The stages of a config: as a list of entries, and as text."""

import pytest

from kgv_jax.config.methods import METHODS
from kgv_jax.config.schema import default_config, resolve, to_dict
from kgv_jax.config.stages import StageSettings, read_stages
from kgv_jax.util.errors import UserError


def _read(value):
    return read_stages("config.train.stages", value)


def test_entries_and_text_are_the_same():
    text = "align 0.35 terms=reg,ce; head .35 freeze=encoder/.*,projection/.* rate=0.5 terms=ce;all 0.3 slow=infuse/.*"
    expected = (
        StageSettings("align", 0.35, terms=("reg", "ce")),
        StageSettings("head", 0.35, terms=("ce",), freeze=("encoder/.*", "projection/.*"), rate=0.5),
        StageSettings("all", 0.3, slow=("infuse/.*",)),
    )
    entries = [
        {"name": "align", "share": 0.35, "terms": ("reg", "ce")},
        {"name": "head", "share": 0.35, "terms": "ce", "freeze": ["encoder/.*", "projection/.*"], "rate": 0.5},
        {"name": "all", "share": 0.3, "slow": "infuse/.*"},
    ]
    assert _read(text) == _read(entries) == _read(expected) == _read(repr(entries)) == expected
    assert _read("") == _read(()) == ()


def test_a_config_takes_both_and_keeps_them_in_json():
    values = default_config()
    values.train.stages = [{"name": "a", "share": 0.5}, {"name": "b", "share": 0.5, "freeze": ("encoder/.*",)}]
    config = resolve(values)
    values.train.stages = "a 0.5; b 0.5 freeze=encoder/.*"
    assert resolve(values) == config == resolve(to_dict(config))
    assert to_dict(config)["train"]["stages"][1]["freeze"] == ["encoder/.*"]


def test_the_stages_of_the_methods_are_read():
    values = default_config()
    values.method = "infuse"
    assert METHODS["infuse"].defaults["train.stages"].startswith("align 0.7")
    align, classify = resolve(values).train.stages
    assert (align.name, align.share, align.terms, align.rate) == ("align", 0.7, ("align",), 0.5)
    assert classify.slow == ("encoder/.*", "projection/.*", "infuse/.*") and not classify.freeze


@pytest.mark.parametrize(
    ("stages", "message"),
    [
        ("align", r"config\.train\.stages has 'align'; expected NAME SHARE, such as"),
        ("align x", r"stages has 'align x'; expected NAME SHARE"),
        ("align 1.5", r"config\.train\.stages\[0\]\.share is 1\.5; expected from 1e-06 to 1\.0: share of the steps"),
        ("a 0.5; b 0.4", r"shares of config\.train\.stages add up to 0\.9; expected 1"),
        ("a 0.5; b 0.5 frees=x", r"Unknown setting config\.train\.stages\[1\]\.frees, did you mean 'freeze'\?"),
        ("a 1 freeze", r"has 'freeze'; expected NAME=VALUE after the share"),
        ("a 1 rate=fast", r"stages\[0\]\.rate is 'fast' \(str\); expected float: peak learning rate"),
        ("a 1 rate=-1", r"stages\[0\]\.rate is -1\.0; expected from 0\.0"),
        ([{"share": 1.0}], r"stages\[0\] has no name; every stage needs one"),
        ([{"name": "a"}], r"stages\[0\] has no share"),
        ([{"name": "a", "share": 1.0, "terms": (1,)}], r"stages\[0\]\.terms has 1 \(int\); expected str"),
        (["a"], r"stages\[0\] is 'a'; expected its settings by name: name, share"),
        (3, r"config\.train\.stages is 3; expected a list with one entry per stage, or text"),
    ],
)
def test_what_is_no_stage_is_refused(stages, message):
    with pytest.raises(UserError, match=message):
        _read(stages)

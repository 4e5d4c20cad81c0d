"""Icon sets are read, mirrored, and refused when they are others."""

import pytest

from kgv_jax.data.prepare.iconify import icon_set, read_icons
from kgv_jax.util.errors import UserError
from tests.emoji_files import bar, icons

SET = icon_set("some", "1.2.3", "0" * 64, "MIT")


def test_a_set():
    files = icons({"a": bar("#f00", 4)}, aliases={"b": {"parent": "a", "hFlip": True}, "c": {"parent": "b"}})
    found = read_icons(files, SET, command="prepare")
    assert found.names() == ("a", "b", "c") and not found.by_code
    svg = found.svg("a").decode()
    assert 'viewBox="0 0 16 16"' in svg and bar("#f00", 4) in svg and "scale" not in svg
    assert found.svg("b") == found.svg("c") and b'"translate(16 0) scale(-1 1)"' in found.svg("b")


@pytest.mark.parametrize(
    "icons_json",
    [b"{", b"[]", b"{}", b'{"icons": {"a": {}}}', b'{"icons": {}, "aliases": {"b": {"parent": "gone"}}}'],
)
def test_another_format_is_refused(icons_json):
    with pytest.raises(UserError, match=r"@iconify-json/some: its files are not .*run `prepare` again"):
        read_icons({"icons.json": icons_json, "chars.json": b"{}"}, SET, command="prepare")

"""The lists that ship have their published sizes; a user's own is read line by line."""

import pytest

from kgv_jax.kg.imagenet_ids import LISTS, read_descriptions, read_ids
from kgv_jax.util.errors import UserError


def test_the_lists_that_ship():
    mini, tiny, all_1k, all_22k = (read_ids(name) for name in LISTS)
    assert (len(mini), len(tiny), len(all_1k), len(all_22k)) == (100, 200, 1000, 21841)
    assert set(mini) < set(all_1k) and set(tiny) < set(all_1k)
    # timm's 1k list has one class that fall11.tar has not: the teddy bear, n04399382.
    assert set(all_1k) - set(all_22k) == {"n04399382"}
    assert (all_1k[0], all_1k[999]) == ("n01440764", "n15075141")  # tench, toilet tissue


def test_descriptions():
    found = read_descriptions()
    assert len(found) == 975 and set(found) < set(read_ids("1k"))
    assert found["n01440764"].startswith("A thick-bodied freshwater fish")


def test_a_list_of_ones_own(tmp_path):
    path = tmp_path / "ids.txt"
    path.write_text("\ufeff# mine\nn02084071 dog, domestic dog\n\nn02121808\tcat\nn02958343\n", encoding="utf-8")
    assert read_ids(path) == read_ids(str(path)) == ("n02084071", "n02121808", "n02958343")


@pytest.mark.parametrize(
    "text, message",
    [
        ("n02084071\ndog\n", r"line 2 is 'dog'; expected an ImageNet id first"),
        ("n02084071\nn020840711\n", r"line 2 is 'n020840711'"),
        ("n02084071\nn0208407\n", r"line 2 is 'n0208407'"),
        ("# a\n02084071\n", r"line 2 is '02084071'"),
        ("n02084071\n\nn02084071\n", r"line 3 repeats n02084071 of line 1"),
        ("# nothing\n", r"holds no id"),
    ],
)
def test_bad_lists(tmp_path, text, message):
    path = tmp_path / "ids.txt"
    path.write_text(text)
    with pytest.raises(UserError, match=rf"ids\.txt.*{message}"):
        read_ids(path)


def test_no_such_list(tmp_path):
    with pytest.raises(UserError, match=r"21k: no such list of ids.*expected mini, tiny, 1k, 22k or a text file"):
        read_ids("21k")
    (tmp_path / "ids.txt").write_bytes(b"\xff\xfe")
    with pytest.raises(UserError, match=r"ids\.txt: the list of ids cannot be read"):
        read_ids(tmp_path / "ids.txt")

"""Tables of published data sets: other headers, spaces, delimiters, and errors that name file and line."""

import pytest

from kgv_jax.util.errors import UserError
from kgv_jax.util.tables import find, read_table, require_folder


def write(tmp_path, text):
    (tmp_path / "a.csv").write_text(text, encoding="utf-8")
    return tmp_path / "a.csv"


def test_spaces_empty_lines_and_a_byte_order_mark_are_skipped(tmp_path):
    path = write(tmp_path, "\ufeffid, name,more\n\n 1, Škoda,x\r\n, ,\n2,Kia,\n")
    assert [(row.line, row.cells) for row in read_table(path, ("name", "id"))] == [
        (3, {"name": "Škoda", "id": "1"}),
        (5, {"name": "Kia", "id": "2"}),
    ]


def test_a_table_without_a_header(tmp_path):
    path = write(tmp_path, "a.png;3;\nb.png;4;\n")
    rows = list(read_table(path, ("n",), delimiter=";", header=("file", "n")))
    assert [row.integer("n") for row in rows] == [3, 4]


@pytest.mark.parametrize(
    ("text", "reported"),
    [
        ("", r"a\.csv: no column 'id'; it has none"),
        ("name\nx\n", r"a\.csv: no column 'id'; it has name"),
        ("name,id\n", r"a\.csv: the table has no row"),
        ("name,id\nx,1\nx\n", r"a\.csv: line 3: 1 cells; expected 2 or more: id"),
        ("name,id\nx,one\n", r"a\.csv: line 2: id is 'one'; expected a whole number\. Fix the row"),
    ],
)
def test_a_mistake_is_reported(tmp_path, text, reported):
    with pytest.raises(UserError, match=reported):
        [row.integer("id") for row in read_table(write(tmp_path, text), ("id",))]


def test_rows_are_read_lazily(tmp_path):
    rows = read_table(write(tmp_path, "id\n1\nx\n"), ("id",))
    assert next(rows).integer("id") == 1


def test_the_least_deep_is_found_and_the_preferred_before_it(tmp_path):
    for folder in ("b", "a/inner", "a/test"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "x.csv").touch()
    assert find(tmp_path, "x.csv") == tmp_path / "b" / "x.csv"
    assert find(tmp_path, "x.csv", prefer="test") == tmp_path / "a" / "test" / "x.csv"
    assert find(tmp_path, "y.csv") is None


def test_folders(tmp_path):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "x").touch()
    assert require_folder(str(tmp_path / "full"), "x") == tmp_path / "full"
    for root, reported in (("", "config.data.root is ''"), (tmp_path / "none", "no such folder; expected x")):
        with pytest.raises(UserError, match=reported):
            require_folder(root, "x")

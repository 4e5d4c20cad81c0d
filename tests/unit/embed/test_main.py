"""The command line: what it prints and writes, and its answers to mistakes."""

import numpy as np
import pytest

from kgv_jax.embed import words
from kgv_jax.embed.file import read_embeddings
from tests import cli

TURTLE = """\
@prefix e: <https://e.org/> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
e:stop rdfs:label "no entry" ; e:looks e:red, e:round, e:white ; e:means e:halt .
e:yield e:looks e:red, e:white, e:wide ; e:means e:wait ; e:near e:stop .
e:wait e:near e:halt .
e:round e:near e:wide, e:red .
e:alone rdfs:label "alone" .
"""


@pytest.fixture
def graph(tmp_path):
    path = tmp_path / "signs.ttl"
    path.write_text(TURTLE)
    return path


def _folder(path):
    for name, text in {"train": "a\tr\tb\nb\tr\tc\nc\tr\ta\n", "valid": "a\tr\tc\n", "test": "b\tr\ta\n"}.items():
        (path / f"{name}.txt").write_text(text)
    return path


def test_a_graph_file_is_split_trained_measured_and_written(graph, tmp_path, capsys):
    out = tmp_path / "e.safetensors"
    flags = ["--model=kgv", "--dim=4", "--epochs=2", "--batch=8", "--holdout=0.2", f"--out={out}"]
    assert cli.run("embed", f"--graph={graph}", *flags) == 0
    said = capsys.readouterr().out
    assert "1 nodes without a triple" in said and "8 nodes, 3 relations" in said
    for split in ("valid", "test"):
        line = next(line for line in said.splitlines() if line.startswith(split))
        assert line.split()[1::2] == ["MRR", "Hits@1", "Hits@3", "Hits@10"]
        assert all(0 <= float(value) <= 1 for value in line.split()[2::2])
    nodes, relations, arrays = read_embeddings(out)
    assert "https://e.org/stop" in nodes
    assert relations == ("https://e.org/looks", "https://e.org/means", "https://e.org/near")
    assert arrays["nodes.mu"].shape == arrays["nodes.var"].shape == (8, 4) and arrays["nodes.var"].min() > 0


def test_a_folder_keeps_its_split(tmp_path, capsys):
    out = tmp_path / "e.safetensors"
    flags = ["--model=distmult", "--dim=2", "--epochs=1", "--loss=softplus", "--reciprocal", f"--out={out}"]
    assert cli.run("embed", f"--graph={_folder(tmp_path)}", *flags) == 0
    said = capsys.readouterr().out
    assert "3 train, 1 valid, 1 test" in said and "loss softplus" in said and "inverse relations" in said
    assert read_embeddings(out).arrays["relations.inverse_mu"].shape == (1, 2)


def test_convolutions_leave_rows_of_nodes_alone(graph, tmp_path):
    out = tmp_path / "e.safetensors"
    assert (
        cli.run("embed", f"--graph={graph}", "--model=distmult", "--dim=2", "--epochs=1", "--gcn=2", f"--out={out}")
        == 0
    )
    assert read_embeddings(out).arrays.keys() == {"nodes.mu", "relations.mu"}


def test_all_triples_may_be_trained_on(graph, capsys):
    assert cli.run("embed", f"--graph={graph}", "--model=transe", "--dim=2", "--epochs=1", "--holdout=0") == 0
    said = capsys.readouterr().out
    assert "0 valid, 0 test" in said and "MRR" not in said


def test_the_same_seed_gives_the_same_vectors(graph, tmp_path):
    found = []
    for run, seed in enumerate((0, 0, 1)):
        out = tmp_path / f"{run}.safetensors"
        flags = ["--model=transe", "--dim=2", "--epochs=2", "--holdout=0", f"--seed={seed}", f"--out={out}"]
        assert cli.run("embed", f"--graph={graph}", *flags) == 0
        found.append(read_embeddings(out).arrays["nodes.mu"])
    np.testing.assert_array_equal(found[0], found[1])
    assert not np.array_equal(found[0], found[2])


def test_random_walks_need_no_training(graph, tmp_path, capsys):
    out = tmp_path / "n.safetensors"
    assert cli.run("embed", f"--graph={graph}", "--model=netmf", "--dim=3", f"--out={out}") == 0
    assert "8 of 8 nodes covered" in capsys.readouterr().out
    nodes, relations, arrays = read_embeddings(out)
    assert len(nodes) == 8 and relations == () and arrays["nodes.mu"].shape == (8, 3)


def test_words_leave_out_what_they_do_not_cover(graph, tmp_path, capsys, monkeypatch):
    vocabulary = words.Vocabulary({"entry": 0, "red": 1}, np.array([[1.0, 2], [3, 4]], np.float32))
    monkeypatch.setattr(words, "load_glove", lambda: vocabulary)
    out = tmp_path / "w.safetensors"
    assert cli.run("embed", f"--graph={graph}", "--model=words", f"--out={out}") == 0
    said = capsys.readouterr().out
    assert "2 of 8 nodes covered (25.0%)" in said and "https://e.org/halt" in said
    nodes, _, arrays = read_embeddings(out)
    assert nodes == ("https://e.org/red", "https://e.org/stop")
    np.testing.assert_array_equal(arrays["nodes.mu"], [[3, 4], [1, 2]])
    assert cli.run("embed", f"--graph={graph}", "--model=words", "--dim=64") == 2
    assert "--dim=64" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--model=transf"], "'transf' is unknown, did you mean 'transh' or 'transe'"),
        (["--model=transe", "--loss=hing"], "The loss 'hing' is unknown"),
        (["--model=transe", "--out=x.npz"], "name it x.safetensors"),
        (["--model=transe", "--holdout=0.6"], "0.6 cannot be held out twice"),
        (["--model=netmf", "--epochs=3", "--dim=2"], "--epochs=3 with --model=netmf"),
        (["--model=rotate", "--gcn=1"], "nodes of this model have re, im"),
        (["--model=netmf", "--gcn=1"], "--gcn=1 with --model=netmf"),
        (["--model=netmf", "--dim=10"], "--dim=8"),
        (["--model=complex", "--learning-rate=1e30", "--epochs=2", "--dim=2"], "lower --learning_rate"),
    ],
)
def test_mistakes_are_answered(graph, capsys, flags, said):
    assert cli.run("embed", f"--graph={graph}", *flags) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ") and said in error


def test_mistakes_of_the_graph_are_answered(tmp_path, capsys):
    assert cli.run("embed", f"--graph={tmp_path}", "--model=transe") == 2
    assert "train.txt" in capsys.readouterr().err
    assert cli.run("embed", f"--graph={tmp_path / 'g.ttl'}", "--model=transe") == 2
    assert "no such graph file" in capsys.readouterr().err
    assert cli.run("embed", f"--graph={_folder(tmp_path)}", "--model=transe", "--holdout=0.1") == 2
    assert "has a split of its own" in capsys.readouterr().err


@pytest.mark.parametrize(("flag", "said"), [("--dim=0", "--dim=0: 0 is not a positive integer"),
                                            ("--learning-rate=0", "--learning_rate is 0.0; expected a number above"),
                                            ("--learning_rate=x", "--learning_rate=x: "),
                                            ("--seed=-1", "--seed=-1: -1 is not an integer in the range [0, "),
                                            ("--seed=4294967296", "in the range [0, 4294967295]")])  # fmt: skip
def test_numbers_are_checked(graph, capsys, flag, said):
    assert cli.run("embed", f"--graph={graph}", "--model=transe", flag) == 2
    assert said in capsys.readouterr().err

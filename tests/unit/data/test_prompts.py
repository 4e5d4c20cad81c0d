"""Prompts of a graph's nodes, and a manifest that is read once the images exist."""

import csv

import pytest
from PIL import Image

from kgv_jax.data.prompts import TEMPLATES, make_prompts
from kgv_jax.data.synthetic_manifest import read_manifest
from kgv_jax.kg.graph import Graph
from kgv_jax.kg.load import load_graph
from kgv_jax.util.errors import UserError
from tests import cli

TURTLE = """\
@prefix k: <https://example.org/k#> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
k:n02084071 a k:Class ; rdfs:label "dog" ; k:description "a furry animal" ; k:part k:tail .
k:tail a k:Part ; rdfs:label "bushy_tail" .
"""


@pytest.fixture
def graph_file(tmp_path):
    path = tmp_path / "g.ttl"
    path.write_text(TURTLE)
    return path


def test_one_prompt_per_node_and_template(graph_file):
    prompts = list(make_prompts(load_graph(graph_file).graph, per_prompt=2))
    assert len(prompts) == 2 * len(TEMPLATES) * 2
    assert prompts[0] == (
        "n02084071/0-0.png", "https://example.org/k#n02084071", "a photo of a dog, a furry animal", 0
    )  # fmt: skip
    assert prompts[1].image == "n02084071/0-1.png" and prompts[1].prompt == prompts[0].prompt
    assert len({prompt.image for prompt in prompts}) == len({prompt.seed for prompt in prompts}) == len(prompts)
    assert prompts[-1].prompt == "a bushy tail on a plain background"


def test_templates_position_the_description(graph_file):
    graph = load_graph(graph_file).graph
    prompts = [p.prompt for p in make_prompts(graph, templates=["{description}: {label}"], types=["Class"])]
    assert prompts == ["a furry animal: dog"]
    ape = Graph.from_triples([], labels={"n1": "ape"}, types={"n1": "Class"})
    assert [p.prompt for p in make_prompts(ape, templates=["an image of a {label}"])] == ["an image of an ape"]
    braces = Graph.from_triples([], labels={"a": "{description}"}, types={"a": "Class"})
    assert [p.prompt for p in make_prompts(braces, templates=["a {label}"])] == ["a {description}"]


def test_nodes_of_one_local_name_have_folders_of_their_own():
    graph = Graph.from_triples([], types={"http://a#x": "Class", "http://b#x": "Class", "../y": "Class"})
    folders = {prompt.image.partition("/")[0] for prompt in make_prompts(graph)}
    assert len(folders) == 3 and not any(name.startswith(".") for name in folders)


def test_the_written_manifest_is_read_once_it_is_filled(graph_file, tmp_path, capsys):
    out = tmp_path / "made"
    templates = "--templates=a {label}|the {label}"
    assert cli.run("prepare", "prompts", f"--graph={graph_file}", f"--out={out}", templates) == 0
    assert "4 images to make of 2 nodes (Class 1, Part 1)" in capsys.readouterr().out
    assert (out / "prompts.txt").read_text().splitlines()[0] == "a dog, a furry animal"
    graph = load_graph(graph_file).graph
    with pytest.raises(UserError, match=r"line 2: the image 'n02084071/0-0\.png' does not exist, and 3 others"):
        read_manifest(out, graph)
    with open(out / "manifest.csv", newline="") as file:
        for row in csv.DictReader(file):
            (out / row["image"]).parent.mkdir(exist_ok=True)
            Image.new("RGB", (8, 8), (int(row["seed"]), 0, 0)).save(out / row["image"])
    images = read_manifest(out, graph).images
    assert [source_image.depicts[0][1].rpartition("#")[2] for source_image in images] == ["n02084071"] * 2 + [
        "tail"
    ] * 2


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--types=Clas"], "No node has the type 'Clas', did you mean 'Class'"),
        (["--templates=a photo"], "The template 'a photo' has no {label}"),
        (["--graph=none.ttl"], "none.ttl"),
    ],
)
def test_mistakes(graph_file, tmp_path, capsys, arguments, words):
    assert cli.run("prepare", "prompts", f"--graph={graph_file}", f"--out={tmp_path / 'made'}", *arguments) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ") and words in error
    (tmp_path / "manifest.csv").write_text("")
    assert cli.run("prepare", "prompts", f"--graph={graph_file}", f"--out={tmp_path}") == 2
    assert "exists already" in capsys.readouterr().err

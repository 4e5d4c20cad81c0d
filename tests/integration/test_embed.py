"""From the package's own graph to a file of vectors, through the command line, and back by name."""

import re
import subprocess
import sys

import numpy as np
import pytest

from kgv_jax.embed.file import find_nodes, read_embeddings, rows
from kgv_jax.kg.load import load_graph

pytestmark = pytest.mark.processes

GRAPH = "kgv_jax/kg/graphs/roadsigns.ttl"


def _embed(*flags):
    command = [sys.executable, "-m", "kgv_jax", "embed", f"--graph={GRAPH}", *flags]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def _mrr(said):
    return {split: float(value) for split, value in re.findall(r"^(valid|test) +MRR (\S+)", said, re.MULTILINE)}


def test_densities_learn_the_road_signs(tmp_path):
    out = tmp_path / "signs.safetensors"
    done = _embed("--model=kgv", "--dim=32", "--epochs=30", f"--out={out}")
    assert done.returncode == 0, done.stderr
    found = _mrr(done.stdout)
    assert found.keys() == {"valid", "test"} and min(found.values()) > 0.05  # by chance 0.012
    embeddings, graph = read_embeddings(out), load_graph(GRAPH).graph
    for array in ("nodes.mu", "nodes.var"):
        values = rows(embeddings, array, graph.nodes)
        assert values.shape == (len(graph.nodes), 32) and np.isfinite(values).all()
    assert find_nodes(embeddings, "nodes.mu", ["nobody", graph.nodes[0]]).missing() == ["nobody"]


def test_a_mistake_ends_with_status_2_and_no_traceback():
    done = _embed("--model=transf")
    assert done.returncode == 2 and done.stderr.startswith("error: the model 'transf' is unknown")

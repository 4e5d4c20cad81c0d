"""Small npm archives in the layouts of the emoji packages: Iconify's, a file a drawing, emojibase."""

import hashlib
import io
import json
import pathlib
import tarfile
from dataclasses import replace

from kgv_jax.data.prepare.emoji import STYLES, Style
from kgv_jax.kg import emoji
from kgv_jax.util.packages import Package

# code, CLDR label, name in Unicode, group, subgroup, tags
EMOJI = (
    ("1F347", "grapes", "GRAPES", 4, 0, ["dionysus", "fruit"]),
    ("1F34C", "banana", "BANANA", 4, 0, ["fruit", "potassium"]),
    ("1F980", "crab", "CRAB", 3, 1, ["cancer", "zodiac"]),
    ("1F600", "grinning face with smiling eyes", "GRINNING FACE WITH SMILING EYES", 0, 2, ["face"]),
    ("1F601", "beaming face", "GRINNING FACE WITH SMILING EYES", 0, 2, ["face"]),
    ("2764-FE0F", "red heart", "HEAVY BLACK HEART", 0, 3, ["heart"]),
    ("1F550", "one o’clock", "CLOCK FACE ONE OCLOCK", 5, 4, []),
    ("1F1E6", "regional indicator A", "REGIONAL INDICATOR SYMBOL LETTER A", None, None, []),
    ("1F468-200D-1F33E", "man farmer", "MAN FARMER", 1, 5, []),
    ("1F523", "input symbols", "INPUT SYMBOL FOR SYMBOLS", 8, 6, []),
)
GROUPS = {
    "groups": {"0": "smileys-emotion", "1": "people-body", "3": "animals-nature", "4": "food-drink",
               "5": "travel-places", "8": "symbols"},
    "subgroups": {"0": "food-fruit", "1": "animal-marine", "2": "face-smiling", "3": "heart", "4": "time",
                  "5": "person-role", "6": "alphanum"},
}  # fmt: skip
THINGS = ("banana", "beaming-face", "crab", "grapes", "grinning-face-with-smiling-eyes", "red-heart")


def concept_files() -> dict[str, bytes]:
    """`emoji.FILES` of emojibase-data."""
    entries = []
    for code, label, _, group, subgroup, tags in EMOJI:
        entry = {"label": label, "hexcode": code, "tags": tags}
        entries.append(entry | ({} if group is None else {"group": group, "subgroup": subgroup}))
    contents = (entries, GROUPS, {code.replace("-FE0F", ""): name for code, _, name, *_ in EMOJI})
    return {name: json.dumps(content).encode() for name, content in zip(emoji.FILES, contents, strict=True)}


def tgz(files: dict[str, bytes]) -> bytes:
    """An npm archive."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        for name, data in files.items():
            member = tarfile.TarInfo(f"package/{name}")
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return out.getvalue()


def bar(colour: str, height: int, width: int = 16) -> str:
    """A rectangle at the top left; drawings differ in their proportions."""
    return f'<path fill="{colour}" d="M0 0h{width}v{height}H0z"/>'


def hook(colour: str) -> str:
    """A shape that its mirror image is not."""
    return f'<path fill="{colour}" d="M0 0h4v12h12v4H0z"/>'


def icons(drawings: dict[str, str], *, aliases: dict[str, dict] | None = None, by_code: dict[str, str] | None = None):
    """The files of an Iconify set with sheets of 16 units."""
    content = {"width": 16, "height": 16, "icons": {name: {"body": body} for name, body in drawings.items()}}
    files = {"icons.json": content | ({"aliases": aliases} if aliases else {}), "chars.json": by_code or {}}
    return {name: json.dumps(content).encode() for name, content in files.items()}


def write_package(folder: pathlib.Path, name: str, files: dict[str, bytes]) -> Package:
    """Writes an archive and returns the package that names it."""
    data = tgz(files)
    (folder / f"{name}-1.tgz").write_bytes(data)
    return replace(emoji.PACKAGE, name=name, pattern=f"{name}-1.tgz", sha256=hashlib.sha256(data).hexdigest())


def write_archives(folder: pathlib.Path) -> tuple[Package, tuple[Style, ...]]:
    """Writes the archives; returns the packages that name them: by code, by name, and a file a drawing."""
    folder.mkdir(parents=True, exist_ok=True)
    by_code = icons(
        {"g": bar("#f00", 16), "heart": hook("#0f0"), "crab": bar("#00f", 4)},
        aliases={"b": {"parent": "heart", "hFlip": True}},
        by_code={"1f347": "g", "1f34c": "b", "2764": "heart", "1f980": "crab"},
    )
    names = ("grapes", "banana", "redheart", "grinningfacewithsmilingeyes", "crab")
    by_name = icons({name: bar("#ff0", 2 * height) for height, name in enumerate(names, 1)})
    files = {
        f"color/svg/{code}.svg": (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16">{bar("#000", height)}</svg>'.encode()
        )
        for height, (code, *_) in enumerate(EMOJI, 1)
    }
    contents = {"coded": by_code, "named": by_name, "filed": files, "concepts": concept_files()}
    packages = {name: write_package(folder, name, content) for name, content in contents.items()}
    styles = (
        Style("noto", "noto", packages["coded"]),
        Style("fxemoji", "fxemoji", packages["named"]),
        Style("openmoji", "openmoji", packages["filed"], "color/svg/"),
    )
    assert {style.name for style in styles} <= {style.name for style in STYLES}
    return packages["concepts"], styles

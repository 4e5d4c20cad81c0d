"""The code and its pages speak the field's language: words of an earlier private vocabulary stay out.

`docs/glossary.md` explains the few words that are the project's own.
"""

import pathlib
import re

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]

# What is kept out (a regular expression, any case), and what the field says.
OLD_WORDS = {
    r"\bpictures?\b": "image",
    r"\bnuisances?\b": "render augmentation",
    r"\b(photograph bank|image bank|banks? of (photographs|images|views))\b": "render cache",
    r"\bphotographs? of (a|an|the|each|every|one) (drawing|source image)": "rendered view",
    r"\b(another|other|our|their|whose|drawn|several|three) hands?\b(?! (over|down|out)\b)": "artist, drawing style",
    r"(?<!\.)\bstrips?\b(?!\()": "candidate set",
    r"\bunasked\b|\bunshown\b": "ignored",
    r"\babstain\w*": "unlabelled",
    r"\bspeaks?\b|\bspoken\b": "supervised",
    r"\btold\b|\btells?\b|\btelling\b": "reported, warned, says",
    r"\bdoctors?\b|\bmend(s|ed|ing)?\b": "validator, fix",
    r"\brooms?\b|\brules of the house\b": "subpackage, contributing",
    r"\bcontests?\b": "GZSL outcome",
    r"\bat home\b": "in-domain",
    r"\bof before\b": "from earlier versions",
    r"\bmean over (all )?places\b": "global average pooling",
    r"\bknowledge[ _]scales?\b": "class embeddings",
    r"\bright before fast\b": "a plain sentence",
    r"\b(values?|numbers?|lines?|records?|rows?|images?|views?|runs?|dimensions|seconds|bits?|bytes|drawings?|weights?|one"
    r"|logits?|vectors?|outputs?|minutes|products?|embeddings?|entry) an? (example|node|image|class|method|run|head"
    r"|seed|domain|row|core|step|variant|style|relation|setting|source|fact|device|figure|setup|case|family|coordinate"
    r"|second|file)\b": "per",
}
READ = ("kgv_jax/**/*.py", "configs/*.py", "tests/**/*.py", "benchmarks/**/*.py", "docs/*.md", "*.md", "Makefile")
# This list, and what a library or a file of an earlier version calls its own.
EXCEPT = (
    "tests/unit/test_words.py",
    "CHANGELOG.md",
    "kgv_jax/data/prepare/artwork.py",
    "kgv_jax/data/prepare/emoji.py",
    "kgv_jax/data/prepare/rendered.py",
    "kgv_jax/data/prepare/shards.py",
    "tests/unit/data/prepare/test_artwork.py",
    "kgv_jax/models/pretrained/opcodes.py",
    "tests/golden/make.py",
    "tests/parity/test_tokenizer.py",
    "tests/parity/vits.py",
    "kgv_jax/config/earlier.py",
    "kgv_jax/run/earlier.py",
    "tests/unit/run/test_earlier.py",
)


def _files():
    return sorted({path.relative_to(ROOT).as_posix() for pattern in READ for path in ROOT.glob(pattern)} - {*EXCEPT})


@pytest.mark.parametrize("file", _files())
def test_old_words_stay_out(file):
    found = []
    for number, line in enumerate((ROOT / file).read_text(encoding="utf-8").splitlines(), 1):
        for pattern, instead in OLD_WORDS.items():
            if match := re.search(pattern, line, re.IGNORECASE):
                found.append(f"{file}:{number}: {match[0]!r}; say {instead}")
    assert not found, "\n".join(found)


def test_every_pattern_finds_its_word():
    examples = (
        "a picture", "nuisance", "a bank of photographs", "photographs of a drawing", "another hand", "the strip of",
        "unasked", "abstains", "it speaks", "is told", "a doctor", "the room", "contest", "at home", "files of before",
        "mean over places", "knowledge scales", "right before fast", "one value an example",
    )  # fmt: skip
    assert len(examples) == len(OLD_WORDS)
    for pattern, example in zip(OLD_WORDS, examples, strict=True):
        assert re.search(pattern, example), (pattern, example)
    for fine in ("text.strip()", "by hand", "at hand", "two images per class", "a photograph", "headroom"):
        assert not any(re.search(pattern, fine, re.IGNORECASE) for pattern in OLD_WORDS), fine

"""CLIP's tokens of open_clip."""

import unicodedata

import numpy as np
import open_clip
import pytest

from kgv_jax.models.tokenizer import load_tokenizer
from tests.golden.make import TEXTS


@pytest.fixture(scope="module")
def reference() -> open_clip.SimpleTokenizer:
    return open_clip.SimpleTokenizer()


def test_equals(reference):
    np.testing.assert_array_equal(load_tokenizer()(TEXTS), reference(list(TEXTS)).numpy())


def test_characters_of_every_block(reference):
    """One character in sixteen, between letters, doubled, and after a digit."""
    known = [chr(code) for code in range(0x20, 0x20000, 16) if unicodedata.category(chr(code)) not in ("Cn", "Cs")]
    # The reference takes these for another encoding's quotes and dashes and mends them; ours leaves them out.
    texts = [f"a{char}b {char}{char} 1{char}" for char in known if not "\x80" <= char <= "\x9f"]
    ours, theirs = load_tokenizer()(texts), reference(texts).numpy()
    differ = [text for text, row, other in zip(texts, ours, theirs, strict=True) if (row != other).any()]
    assert not differ
    assert len(texts) > 3000

"""Tokens of texts: numbers printed by open_clip 3.3's SimpleTokenizer, and the rules behind them."""

import numpy as np
import pytest

from kgv_jax.models.tokenizer import CONTEXT, END, START, VOCABULARY, clean, load_tokenizer, split
from kgv_jax.util.errors import UserError

PUBLISHED = {
    "": [],
    "a photo of a cat.": [320, 1125, 539, 320, 2368, 269],
    "John’s dogs, they’re 2½ years old!!!": [1742, 568, 3255, 267, 889, 982, 273, 33613, 1151, 896, 995],
    "DON'T &amp; &lt;b&gt;": [847, 713, 261, 283, 321, 285],
    "naïve cafe\u0301 日本 🙂": [1097, 35689, 563, 15304, 39121, 19277, 361, 14860],
    "ＬＯＵＤ ﬁne": [7464, 3797],
    "don't!'s a_b": [847, 713, 13222, 338, 320, 318, 321],
    "\x00\x1b[31mnul\ufeff \ud83d\ude00": [1156, 331, 7334],
    "a\u0345b'ſ": [320, 321, 6, 129, 379],
    END: [49407],
}


@pytest.mark.parametrize("text", PUBLISHED, ids=ascii)
def test_the_published_numbers(text):
    assert load_tokenizer().encode(text) == PUBLISHED[text]


def test_a_row_is_start_text_end_zeros_and_keeps_the_end_when_cut():
    tokenizer = load_tokenizer()
    tokens = tokenizer(["a cat", "cat " * 200, "cat " * (CONTEXT - 2)])
    assert tokens.shape == (3, CONTEXT) and tokens.dtype == np.int32
    assert tokens[0, :5].tolist() == [49406, 320, 2368, 49407, 0] and not tokens[0, 4:].any()
    assert tokens[1].tolist() == tokens[2].tolist() == [49406] + [2368] * (CONTEXT - 2) + [49407]
    # The text tower finds the end as the largest token.
    assert tokens.argmax(1).tolist() == [3, CONTEXT - 1, CONTEXT - 1]
    assert tokenizer(["cat " * 200], context=5).tolist() == [[49406, 2368, 2368, 2368, 49407]]
    assert tokenizer([]).shape == (0, CONTEXT)


def test_a_text_becomes_plain():
    assert clean(" “A”\u3000‘B’\tÉ &AMP; &amp;eacute;\n") == "\"a\" 'b' é & é"
    # With a tag in it, an entity is unescaped late, as the reference does, and its quote stays curly.
    assert clean("<b>&rsquo;") == "<b>’"
    assert clean("lone \ud83d surrogate") == "lone \ufffd surrogate"


def test_words_are_runs_of_letters_single_digits_runs_of_signs_and_endings():
    assert split("it's 42 x²ж_?! 'lla") == ["it", "'s", "4", "2", "x", "²", "ж", "_?!", "'ll", "a"]
    assert split(f"<{START}>") == ["<<", "start", "_", "of", "_", "text", ">>"]
    assert split(f"a{START}") == ["a", START]


def test_a_smaller_vocabulary_has_the_first_merges_and_its_own_marks():
    small, full = load_tokenizer(520), load_tokenizer()
    assert (small.vocabulary, full.vocabulary) == (520, VOCABULARY)
    # The first merge joins "i" and "n"; "x" ends the word.
    assert small(["inx"], context=5).tolist() == [[518, 512, 256 + ord("x") - ord("!"), 519, 0]]
    assert len(small.encode("photo")) > len(full.encode("photo")) == 1


def test_what_is_no_list_and_no_vocabulary_is_refused():
    with pytest.raises(UserError, match=r"one string, 'a cat'; expected a list"):
        load_tokenizer()("a cat")
    for wrong in (513, VOCABULARY + 1):
        with pytest.raises(UserError, match=f"vocabulary is {wrong}; expected 514 to 49408"):
            load_tokenizer(wrong)

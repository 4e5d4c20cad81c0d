"""Writes the golden files beside this script, from the references of `tests/parity`: `make golden`.

* index.json: of each case the encoder, its file, height and width of the images.
* images.npy: uint8 noise `[2, H, W, 3]`; a case reads its upper left corner.
* CASE.SUFFIX: weights as their publisher writes them.
* CASE.expected.safetensors: what the publisher's model answers.
* tokens.json: texts and their tokens.
"""

from __future__ import annotations

import json
import pathlib
import sys

import numpy as np
import safetensors.numpy

FOLDER = pathlib.Path(__file__).parent

# One of every layout and format, where two do not tell more than one.
CASES = (
    "resnet18_torchvision", "resnet50_torchvision", "resnet18_huggingface", "resnet50_huggingface",
    "vit_timm", "vit_google", "vit_torchvision", "vit_huggingface", "vit_huggingface_5_encoder",
    "clip_openai", "clip_huggingface", "clip_timm",
    "dinov2_facebook", "dinov2_huggingface_5_head",
    "dinov2_reg_facebook", "dinov2_reg_timm", "dinov2_reg_huggingface",
    "efficientnet_timm", "efficientnet_wheel",
)  # fmt: skip
TEXTS = (
    "",
    "a photo of a cat.",
    "A photo of a stop sign, 30 km/h; it's the driver's!",
    "  Straße\tnach   KÖLN — „Umleitung“ ",
    "snow_plough don't we'll I'M they've 'tis",
    "日本の道路標識 止まれ",
    "дорожный знак: стоп",
    "🚸🛑 and 👩‍🚒, 1234567890 ½ ² Ⅷ",
    "&lt;b&gt; fish &amp;amp; chips &eacute; &#233;",
    "ﬁne ｆｕｌｌ－ｗｉｄｔｈ ĳ ŉ",
    "e\u0301le\u0300ve İstanbul ŉ ſ ǅ",
    "<start_of_text> inside <end_of_text>",
    "antidisestablishmentarianism " * 3,
    "one two three four five six seven eight nine ten " * 12,
    "no-break\u00a0space\u2003em\u200bzero\u2028line\r\nend",
    "x" * 200,
)


def main(folder: pathlib.Path = FOLDER) -> None:
    """Writes all files into `folder`."""
    # Only this needs the references: the texts above are read without them.
    import open_clip

    from tests.golden.ours import normalised
    from tests.parity.families import REFERENCES
    from tests.parity.test_families import expected_of

    references = {case: REFERENCES[case]() for case in CASES}
    # The second size: another than the published one and not square.
    sizes = {case: reference.sizes[1] for case, reference in references.items()}
    largest = np.max(list(sizes.values()), axis=0)
    images = np.random.default_rng(3).integers(0, 256, (2, *largest, 3), np.uint8)
    np.save(folder / "images.npy", images)
    index = {}
    for case, reference in references.items():
        file = reference.write(folder / case)
        expected = expected_of(reference.answer, normalised(images, sizes[case]))
        if reference.tokens is not None:
            expected["tokens"] = reference.tokens
        arrays = {name: np.ascontiguousarray(array) for name, array in expected.items() if not name.startswith("tap")}
        safetensors.numpy.save_file(arrays, folder / f"{case}.expected.safetensors")
        index[case] = {"encoder": reference.encoder, "file": file.name, "size": list(sizes[case])}
    (folder / "index.json").write_text(json.dumps(index, indent=1) + "\n")
    tokens = open_clip.SimpleTokenizer()(list(TEXTS)).tolist()
    lines = [json.dumps([text, row], ensure_ascii=True) for text, row in zip(TEXTS, tokens, strict=True)]
    (folder / "tokens.json").write_text("[\n" + ",\n".join(lines) + "\n]\n")


if __name__ == "__main__":
    sys.exit(main())

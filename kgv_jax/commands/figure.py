"""`kgv figure FIRST SECOND --domain=NAME`: images on which two runs disagree, with both answers and the facts."""

from __future__ import annotations

import pathlib

from kgv_jax.config.flags import Options
from kgv_jax.util.errors import UserError


def run(options: Options) -> None:
    """Writes the figure, and prints how often the runs disagree."""
    if len(options.operands) != 2:
        raise UserError(f"kgv figure takes two runs, found {len(options.operands)}: kgv figure RUN RUN --domain=cn.")
    out = pathlib.Path(options.out or f"{options.domain}.png")
    if out.suffix.lower() != ".png":
        raise UserError(f"--out is {str(out)!r}; expected a file that ends in .png.")
    from kgv_jax.explain.answers import find_answers, read_images, render_images
    from kgv_jax.explain.overlay import draw_cards
    from kgv_jax.report.runs import read_run

    first, second = map(read_run, options.operands)
    answers = find_answers(first, second, options.domain, count=options.count)
    names = [run.setting.method for run in (first, second)]
    if not answers.shown:
        raise UserError(
            f"{names[0]} and {names[1]} are right on the same images of {options.domain!r}; nothing to show."
        )
    if options.rendered:
        images = render_images(second.config, options.domain, answers.shown)
    else:
        images = read_images(second.config, options.domain, [answer.id for answer in answers.shown])
    captions = [
        [
            answer.truth,
            *(f"{name}: {said}{'' if said == answer.truth else ' (wrong)'}"
              for name, said in zip(names, (answer.first, answer.second), strict=True)),
            *answer.facts,
        ]
        for answer in answers.shown
    ]  # fmt: skip
    try:
        draw_cards(out, images, captions)
    except OSError as error:
        raise UserError(f"{out} cannot be written ({error.strerror}); name another with --out=FILE.png.") from error
    print(
        f"{out}: {len(answers.shown)} of the {answers.only_first + answers.only_second} images of {options.domain} on "
        f"which one run alone is right, at most one of a class, in the order of a hash of their names. Of "
        f"{answers.images} images, {answers.only_second} are right by {names[1]} alone and {answers.only_first} by "
        f"{names[0]} alone."
    )

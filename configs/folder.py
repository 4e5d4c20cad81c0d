"""Your own images and graph: ROOT/<domain>/<class>/*.{png,jpg,webp,ppm,svg} and a graph file.

    kgv train --config=configs/folder.py --workdir=runs/mine --config.data.root=ROOT \
        --config.data.source=DE --config.data.targets=CN,RU --config.kg.path=FILE.ttl

Class folders are matched to nodes of the graph by IRI, local name or label. The renderer makes element images of the
shapes, colours and legends that it knows by name; if the graph has none of them, use
`--config.method=kgv_no_synthetic`.
"""

import ml_collections

from kgv_jax.config.schema import default_config


def get_config() -> ml_collections.ConfigDict:
    """Returns the config; root, source, targets and graph come from the command line."""
    config = default_config()
    config.method = "kgv"
    config.data.name = "folder"
    config.data.source = ""
    config.data.targets = ()
    config.kg.path = ""
    return config

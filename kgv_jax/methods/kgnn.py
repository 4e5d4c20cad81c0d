"""`kgnn`: images are pulled to the embedded node of their class, then a linear head is trained (arXiv 2102.08747).

    L_b = -[ s_b,y(b) / T - logsumexp_c s_bc / T ],    s_bc = log N(z_b + r_instanceOf ; mu_c, 1)

Monka et al. embed the graph first and keep it as it is; then the encoder learns to meet it. This is KGV's regulariser
(`methods/kgv.py`) over `instanceOf` alone, with point nodes that no stage trains. We did not have their equation:
ours is KGV's. By default an image is contrasted over the class nodes, by distance; with `kgv.loss=images` each node is
an anchor, contrasted over the images of the batch.
"""

from __future__ import annotations

from kgv_jax.config.methods import Method
from kgv_jax.methods.kgv import Kgv
from kgv_jax.methods.settings import EMBEDDED, LINEAR_HEAD, NO_IMAGES

METHODS = {
    "kgnn": Method(
        Kgv,
        "KG-NN: images pulled to frozen node vectors, then a linear head",
        NO_IMAGES
        | {
            "kg.keep": "classes",
            "kgv.vector_nodes": True,
            "kgv.density_head": "instance",
            "train.stages": f"align 0.7 terms=reg freeze=knowledge/mu,knowledge/r; {LINEAR_HEAD},knowledge/.*",
        },
        EMBEDDED,
    ),
}

"""Pictograms of the sign artwork serve any graph whose legends the renderer knows."""

import numpy as np
import pytest

from kgv_jax.data import legend_sources
from kgv_jax.data.legend_sources import ArtworkLegends, MergedLegends
from kgv_jax.data.renderer.sign import SignSpec, render_sign
from kgv_jax.data.source_images import SourceImages
from kgv_jax.data.sources import artwork
from kgv_jax.data.synthetic import RenderedLegends
from kgv_jax.data.types import Dataset, SourceImage
from kgv_jax.util.errors import UserError


@pytest.fixture
def drawn(monkeypatch):
    """An artwork of one sign, drawn here: wild animals in a red triangle."""
    spec = SignSpec("triangle", border="#c01020", legend="deer")
    image = SourceImage("vienna/wild-animals/a", "vienna", "wild-animals", lambda size_px: render_sign(spec, size_px))
    images = SourceImages([image], ("wild-animals",))
    dataset = Dataset(("wild-animals",), images, SourceImages(), {}, "vienna", render_views=True)
    monkeypatch.setattr(artwork, "load", lambda **options: dataset)
    legend_sources._cut_out.cache_clear()
    yield
    legend_sources._cut_out.cache_clear()


@pytest.mark.usefixtures("drawn")
def test_pictograms_are_found_by_what_the_renderer_calls_them():
    legends = ArtworkLegends({"x:animal": "wild animals"})
    (patch,) = legends.patches("https://example.org/legend-deer")
    alpha = patch(64)
    assert alpha.shape == (64, 64) and 0.05 < (alpha > 127).mean() < 0.7
    assert np.array_equal(legends.patches("x:animal")[0](64), alpha), "by its label"
    assert legends.patches("https://example.org/legend-bicycle") == legends.patches("x:nothing") == ()


@pytest.mark.usefixtures("drawn")
def test_they_stand_beside_those_of_the_renderer():
    rendered = RenderedLegends()
    both = MergedLegends([ArtworkLegends({}), rendered])
    assert len(both.patches("legend-deer")) == 1 + len(rendered.patches("legend-deer"))
    assert len(both.patches("legend-bicycle")) == len(rendered.patches("legend-bicycle"))


def test_artwork_that_is_not_prepared_is_named(kgv_cache):
    legend_sources._cut_out.cache_clear()
    with pytest.raises(UserError, match="kgv prepare roadsigns"):
        ArtworkLegends({}).patches("legend-deer")

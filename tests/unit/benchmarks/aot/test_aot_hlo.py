"""What a compiled module is read to multiply, move and send."""

# ruff: noqa: E501 -- lines of HLO

import textwrap

import jax
import jax.numpy as jnp
import pytest
from jax.sharding import NamedSharding, PartitionSpec

from benchmarks.aot import hlo
from kgv_jax.parallel.mesh import make_mesh

# As libtpu writes a scan over 16 tiles of 512 nodes, shortened: the table is sliced inside of a fusion, the running
# sum stays on chip, and a tile is prefetched.
SCAN = """\
HloModule jit_f, is_scheduled=true, num_partitions=16

%slice (param_0.31: f32[16,512,512], param_1.34: s32[]) -> f32[512,512] {
  %param_0.31 = f32[16,512,512]{2,1,0:T(8,128)} parameter(0)
  %param_1.34 = s32[]{:T(128)S(6)} parameter(1)
  %zero = s32[]{:T(128)} constant(0)
  %tile = f32[1,512,512]{2,1,0:T(8,128)} dynamic-slice(%param_0.31, %param_1.34, %zero, %zero), dynamic_slice_sizes={1,512,512}
  ROOT %bitcast.9 = f32[512,512]{1,0:T(8,128)} bitcast(%tile)
}

%score (param_0.32: f32[16,512], param_1.35: f32[16,512,512], param_2.25: s32[]) -> f32[16,512] {
  %param_0.32 = f32[16,512]{1,0:T(8,128)} parameter(0)
  %param_1.35 = f32[16,512,512]{2,1,0:T(8,128)} parameter(1)
  %param_2.25 = s32[]{:T(128)S(6)} parameter(2)
  %fusion.1 = f32[512,512]{1,0:T(8,128)} fusion(%param_1.35, %param_2.25), kind=kLoop, calls=%slice
  ROOT %convolution.1 = f32[16,512]{1,0:T(8,128)S(1)} convolution(%param_0.32, %fusion.1), dim_labels=bf_oi->bf, operand_precision={highest,highest}
}

%body (state: (s32[], f32[16,512], f32[16,512,512])) -> (s32[], f32[16,512], f32[16,512,512]) {
  %state = (s32[]{:T(128)}, f32[16,512]{1,0:T(8,128)S(1)}, f32[16,512,512]{2,1,0:T(8,128)}) parameter(0)
  %counter = s32[]{:T(128)} get-tuple-element(%state), index=0
  %at = s32[]{:T(128)S(6)} copy(%counter)
  %x = f32[16,512]{1,0:T(8,128)S(1)} get-tuple-element(%state), index=1
  %table = f32[16,512,512]{2,1,0:T(8,128)} get-tuple-element(%state), index=2
  %one = s32[]{:T(128)} constant(1)
  %next = s32[]{:T(128)S(6)} add(%at, %one)
  %sum = f32[16,512]{1,0:T(8,128)S(1)} fusion(%x, %table, %at), kind=kOutput, calls=%score, metadata={op_name="jit(f)/GaussianSpace/dot_general"}, backend_config={"window_config":{"estimated_cycles":"1000"}}
  ROOT %after = (s32[]{:T(128)}, f32[16,512]{1,0:T(8,128)S(1)}, f32[16,512,512]{2,1,0:T(8,128)}) tuple(%next, %sum, %table)
}

%condition (before: (s32[], f32[16,512], f32[16,512,512])) -> pred[] {
  %limit = s32[]{:T(128)} constant(16)
  %before = (s32[]{:T(128)}, f32[16,512]{1,0:T(8,128)S(1)}, f32[16,512,512]{2,1,0:T(8,128)}) parameter(0)
  %count = s32[]{:T(128)} get-tuple-element(%before), index=0
  ROOT %lt = pred[]{:T(512)} compare(%count, %limit), direction=LT
}

ENTRY %main (p0: f32[16,512], p1: f32[16,512,512]) -> f32[16,512] {
  %p0 = f32[16,512]{1,0:T(8,128)} parameter(0), sharding={devices=[16,1]<=[16]}
  %p1 = f32[16,512,512]{2,1,0:T(8,128)} parameter(1), sharding={replicated}
  %begin = s32[]{:T(128)} constant(0)
  %first = s32[]{:T(128)S(6)} copy(%begin)
  %copy-start = (f32[16,512]{1,0:T(8,128)S(1)}, f32[16,512]{1,0:T(8,128)}, u32[]{:S(2)}) copy-start(%p0)
  %copy-done = f32[16,512]{1,0:T(8,128)S(1)} copy-done(%copy-start)
  %start = (s32[]{:T(128)}, f32[16,512]{1,0:T(8,128)S(1)}, f32[16,512,512]{2,1,0:T(8,128)}) tuple(%first, %copy-done, %p1)
  %while = (s32[]{:T(128)}, f32[16,512]{1,0:T(8,128)S(1)}, f32[16,512,512]{2,1,0:T(8,128)}) while(%start), condition=%condition, body=%body
  %result = f32[16,512]{1,0:T(8,128)S(1)} get-tuple-element(%while), index=1
  ROOT %all-reduce = f32[16,512]{1,0:T(8,128)S(1)} all-reduce(%result), channel_id=1, replica_groups=mesh['axis_0'=16,'axis_1'=1] {'axis_0'}, use_global_device_ids=true, to_apply=%add
}
"""


def test_a_loop_counts_as_often_as_it_runs():
    cost = hlo.cost(hlo.read_module(SCAN))
    assert cost.flops == 2 * 16 * 8192 * 512
    assert cost.pass_flops == 6 * cost.flops, "float32 at HIGHEST takes six passes"
    # The table once, tile by tile; the images into on-chip memory; nothing else leaves it.
    assert cost.bytes == pytest.approx(4 * (8192 * 512 + 16 * 512), rel=1e-4)
    assert cost.cycles == 16_000
    assert cost.collectives == (hlo.Collective("all-reduce", 16, 1, 4 * 16 * 512),)


def test_a_program_with_an_instruction_that_libtpu_has_no_figure_for_is_not_estimated():
    module = hlo.read_module(SCAN.replace('"estimated_cycles":"1000"', f'"estimated_cycles":"{2**63 - 1}"'))
    cost = hlo.cost(module)
    assert cost == hlo.cost(hlo.read_module(SCAN))._replace(cycles=None)
    assert hlo.cost(module, of=lambda instruction: "GaussianSpace" not in instruction.op_name).cycles == 0


def test_the_share_of_a_part():
    module = hlo.read_module(SCAN)
    part = hlo.cost(module, of=lambda instruction: "GaussianSpace" in instruction.op_name)
    assert part.cycles == 16_000 and not part.collectives
    assert hlo.cost(module, of=lambda instruction: "Classifier" in instruction.op_name).bytes == 0


def test_a_loop_that_ends_by_its_data():
    text = SCAN.replace("direction=LT", "direction=NE")
    with pytest.raises(ValueError, match="How often the loop while runs"):
        hlo.cost(hlo.read_module(text))
    assert hlo.cost(hlo.read_module(text), open_loops=lambda loop: 3).flops == 2 * 16 * 512 * 3 * 512
    noted = text.replace("body=%body", 'body=%body, backend_config={"known_trip_count":{"n":"4"}}')
    assert hlo.cost(hlo.read_module(noted)).flops == 2 * 16 * 2048 * 512


@pytest.mark.parametrize(
    "groups, size",
    [
        ("mesh['axis_0'=16,'axis_1'=16] {'axis_1'}", 16),
        ("mesh['axis_0'=16,'axis_1'=16] {'axis_0','axis_1'}", 256),
        ("mesh['axis_0'=256] {'axis_0':(1)8}", 8),
        ("[32,8]<=[256]", 8),
        ("[8,32]<=[32,8]T(1,0)", 32),
        ("{{0,1,2,3},{4,5,6,7}}", 4),
    ],
)
def test_sizes_of_groups(groups, size):
    assert hlo.read_group_size(f", channel_id=3, replica_groups={groups}, use_global_device_ids=true") == size


@pytest.mark.parametrize("kind, sent", [("all-reduce", 2 * 7 / 8), ("all-gather", 7 / 8), ("collective-permute", 1)])
def test_what_a_ring_sends(kind, sent):
    assert hlo.Collective(kind, 8, 1, 800).wire_bytes == sent * 800


def test_shapes_are_padded_to_their_tiles():
    (plain,) = hlo.read_shapes("f32[2,1860]")
    (tiled,) = hlo.read_shapes("f32[2,1860]{1,0:T(8,128)}")
    (turned,) = hlo.read_shapes("bf16[130,3]{0,1:T(8,128)(2,1)S(1)}")
    assert (plain.bytes, tiled.bytes, turned.bytes) == (2 * 1860 * 4, 8 * 1920 * 4, 8 * 256 * 2)
    assert turned.on_chip and turned.hbm_bytes == 0 and tiled.hbm_bytes == tiled.bytes


@pytest.mark.parametrize(
    "window, result, multiplications",
    [
        ("window={size=3x3 pad=1_1x1_1}", "f32[2,4,4,8]", 2 * 3 * 8 * 10 * 10),  # taps on padding are free
        ("window={size=3x3 stride=2x2 pad=1_1x1_1}", "f32[2,2,2,8]", 2 * 3 * 8 * 5 * 5),
        ("window={size=3x3 pad=2_2x2_2 lhs_dilate=2x2}", "f32[2,9,9,8]", 2 * 3 * 8 * 12 * 12),
    ],
)
def test_multiplications_of_a_convolution(window, result, multiplications):
    text = f"""\
        ENTRY %main (x: f32[2,4,4,3], w: f32[3,3,3,8]) -> {result} {{
          %x = f32[2,4,4,3]{{3,2,1,0}} parameter(0)
          %w = f32[3,3,3,8]{{3,2,1,0}} parameter(1)
          ROOT %y = {result}{{3,2,1,0}} convolution(%x, %w), {window}, dim_labels=b01f_01io->b01f
        }}
        """
    cost = hlo.cost(hlo.read_module(textwrap.dedent(text)))
    assert cost.flops == cost.pass_flops == 2 * multiplications


def test_a_program_of_eight_devices():
    mesh = make_mesh(4, 2)

    def place(*spec):
        return NamedSharding(mesh, PartitionSpec(*spec))

    def loss(w, x):
        def body(total, tile):
            return total + jnp.sum(jnp.dot(x, tile) ** 2), None

        return jax.lax.scan(body, 0.0, w)[0]

    w = jax.ShapeDtypeStruct((3, 64, 64), jnp.float32, sharding=place(None, None, "model"))
    x = jax.ShapeDtypeStruct((32, 64), jnp.float32, sharding=place("data"))
    compiled = jax.jit(jax.grad(loss), out_shardings=place(None, None, "model")).lower(w, x).compile()
    cost = hlo.cost(hlo.read_module(compiled.as_text()))
    assert cost.flops == 2 * 2 * 3 * (32 // 4) * 64 * (64 // 2)
    assert {(c.kind, c.group) for c in cost.collectives} == {("all-reduce", 4)}
    assert sum(c.bytes for c in cost.collectives) == 4 * 3 * 64 * 64 // 2


def test_a_scatter_touches_only_what_it_adds_to():
    text = """\
        %added (table: f32[1000,8], at: s32[4,1], part: f32[4,8]) -> f32[1000,8] {
          %table = f32[1000,8]{1,0} parameter(0)
          %at = s32[4,1]{1,0} parameter(1)
          %part = f32[4,8]{1,0} parameter(2)
          ROOT %scatter = f32[1000,8]{1,0} scatter(%table, %at, %part), update_window_dims={1}, to_apply=%add
        }

        ENTRY %main (t: f32[1000,8], i: s32[4,1], p: f32[4,8]) -> f32[1000,8] {
          %t = f32[1000,8]{1,0} parameter(0)
          %i = s32[4,1]{1,0} parameter(1)
          %p = f32[4,8]{1,0} parameter(2)
          ROOT %fusion = f32[1000,8]{1,0} fusion(%t, %i, %p), kind=kCustom, calls=%added
        }
        """
    rows = 4 * 8 * 4
    assert hlo.cost(hlo.read_module(textwrap.dedent(text))).bytes == 3 * rows + 4 * 4

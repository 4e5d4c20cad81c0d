"""Render augmentation: a drawing becomes a view of it, with pose, background, optics, light, sensor noise and JPEG."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import itertools
from collections.abc import Sequence

import cv2
import numpy as np

from kgv_jax.data.scenes import Scene, in_scene
from kgv_jax.util.errors import UserError


@dataclasses.dataclass(frozen=True)
class RenderAugmentation:
    """The ranges of what a camera does to a sign; every view samples each entry uniformly from its range.

    One number `a` is the range [-a, a]; a pair is (low, high). The defaults serve every
    domain alike: a shift between domains must come from the drawings, never from here.

    Attributes:
      scale: longer side of the sign, as a fraction of the side of the frame.
      shift: displacement of the sign's centre, fraction of the side.
      rotation_deg: rotation in the image plane, degrees.
      tilt_deg: rotation about the vertical and about the horizontal axis, degrees.
      clutter: amplitude of the background texture, of full scale; 0 leaves a flat colour.
      blur_px: standard deviation of the defocus, pixels of the output.
      motion_px: length of the motion blur, pixels of the output.
      exposure: log2 of the gain, in stops.
      gamma: log2 of the exponent of the tone curve.
      shade: change of light from one side of the frame to the other, of full scale.
      cast: log2 of the gain of each colour channel on its own.
      saturation: factor on the distance from grey.
      noise: standard deviation of the sensor noise, of full scale.
      jpeg_quality: quality factor of the JPEG, 1 to 100.
    """

    scale: tuple[float, float] = (0.75, 0.95)
    shift: float = 0.04
    rotation_deg: float = 10.0
    tilt_deg: float = 25.0
    clutter: float = 0.25
    blur_px: tuple[float, float] = (0.0, 0.6)
    motion_px: tuple[float, float] = (0.0, 1.5)
    exposure: tuple[float, float] = (-1.0, 0.4)
    gamma: float = 0.4
    shade: float = 0.25
    cast: float = 0.2
    saturation: tuple[float, float] = (0.6, 1.2)
    noise: tuple[float, float] = (0.0, 0.03)
    jpeg_quality: tuple[float, float] = (50.0, 95.0)

    def __post_init__(self):
        for field in dataclasses.fields(self):
            given, (low, high) = getattr(self, field.name), _BOUNDS[field.name]
            pair = isinstance(field.default, tuple)
            try:
                values = tuple(map(float, given)) if pair else (float(given),)
            except (TypeError, ValueError):
                values = ()
            ordered = all(a <= b for a, b in itertools.pairwise((low, *values, high)))  # no NaN passes
            if len(values) != 1 + pair or not ordered:
                expected = f"a pair {low} <= a <= b <= {high}" if pair else f"a number from {low} to {high}"
                raise UserError(
                    f"render augmentation.{field.name} is {given!r}; expected {expected}, such as {field.default}."
                )
            object.__setattr__(self, field.name, values if pair else values[0])


_BOUNDS = {
    "scale": (0.05, 2), "shift": (0, 1), "rotation_deg": (0, 180), "tilt_deg": (0, 75), "clutter": (0, 1),
    "blur_px": (0, 100), "motion_px": (0, 100), "exposure": (-6, 6), "gamma": (0, 2), "shade": (0, 1),
    "cast": (0, 2), "saturation": (0, 4), "noise": (0, 1), "jpeg_quality": (1, 100),
}  # fmt: skip


RENDER_SCALE = 1.5  # drawings are rasterised this much larger than the view, so legends stay sharp

_CAMERA_DISTANCE = 2.5  # in sign sizes: near enough for converging edges
_TO_GREY = np.full((3, 3), (0.299, 0.587, 0.114))  # Rec. 601 luma, the one JPEG uses


def view_rng(seed: int, stream: str, source_image: str, k: int) -> np.random.Generator:
    """Returns the random numbers of the k-th view of an image, independent of all others."""
    digest = hashlib.blake2b(repr((int(seed), stream, source_image, int(k))).encode(), digest_size=16).digest()
    return np.random.Generator(np.random.Philox(key=int.from_bytes(digest, "little")))


def render_view(
    rgba: np.ndarray,
    size_px: int,
    rng: np.random.Generator,
    render_augmentation: RenderAugmentation,
    scenes: Sequence[Scene] = (),
) -> np.ndarray:
    """Renders one view of a drawing. Nothing is ever mirrored: left and right are meaning.

    Args:
      rgba: uint8 [h, w, 4], straight alpha; any size.
      size_px: side of the result.
      rng: source of every random choice.
      render_augmentation: ranges to choose from.
      scenes: photographs of this side, one of which gives ground, light and blur; none: they are made up.

    Returns:
      uint8 [size_px, size_px, 3] RGB.
    """
    alpha = rgba[..., 3]
    weight = cv2.merge((alpha, alpha, alpha, np.full_like(alpha, 255)))
    # interpolation is linear only in associated alpha
    sign = cv2.multiply(rgba, weight, scale=1 / 255**2, dtype=cv2.CV_32F)
    pose = _pose(rgba, size_px, rng, render_augmentation)
    sign = cv2.warpPerspective(sign, pose, (size_px, size_px), flags=cv2.INTER_LINEAR)
    if scenes:
        image = in_scene(sign, scenes[rng.integers(len(scenes))])
    else:
        clear = 1 - sign[..., 3]
        image = background(size_px, rng, render_augmentation.clutter) * cv2.merge((clear, clear, clear)) + sign[..., :3]
        image = _optics(image, rng, render_augmentation)
        image = _light(image, rng, render_augmentation)
    sigma = rng.uniform(*render_augmentation.noise)
    image += rng.standard_normal(image.shape, np.float32) * np.float32(sigma)
    pixels = cv2.convertScaleAbs(np.clip(image, 0, 1, out=image), alpha=255)
    return _jpeg(pixels, int(rng.uniform(*render_augmentation.jpeg_quality)))


def object_box(
    rgba: np.ndarray, size_px: int, rng: np.random.Generator, render_augmentation: RenderAugmentation
) -> tuple[int, int, int, int]:
    """Returns where the drawing is in the view that `render_view` renders with the same arguments.

    Left, top, right and bottom in pixels, the last two just outside, of the pixels that the drawing covers by half or
    more. The pose is the first thing that a view samples, so a generator in its initial state gives the same one.
    """
    pose = _pose(rgba, size_px, rng, render_augmentation)
    cover = cv2.warpPerspective(rgba[..., 3], pose, (size_px, size_px), flags=cv2.INTER_LINEAR)
    left, top, width, height = cv2.boundingRect(np.ascontiguousarray(cover > 127, np.uint8))
    return left, top, left + width, top + height


def background(size_px: int, rng: np.random.Generator, clutter: float) -> np.ndarray:
    """Paints a scene that never repeats: gradient, noise of three scales, and a few blurred objects.

    Returns:
      float32 [size_px, size_px, 3] about [0, 1].
    """
    base, second = _colour(rng), _colour(rng)
    corners = base + rng.uniform(-1, 1, (2, 2, 1)) * (second - base)
    image = cv2.resize(corners.astype(np.float32), (size_px, size_px), interpolation=cv2.INTER_LINEAR)
    if clutter == 0:
        image[:] = base
        return image
    for _ in range(rng.integers(0, 6)):
        centre, axes = rng.uniform(0, size_px, 2), rng.uniform(0.04, 0.5, 2) * size_px
        colour = (base + 3 * clutter * (_colour(rng) - base)).tolist()
        angle = float(rng.choice((0, 90)) + rng.normal(0, 12))
        if rng.random() < 0.5:
            cv2.ellipse(image, tuple(map(int, centre)), tuple(map(int, axes)), angle, 0, 360, colour, -1)
        else:  # poles, walls, kerbs: long and straight
            box = cv2.boxPoints((tuple(centre), (axes[0] * 0.5, axes[1] * 4), angle))
            cv2.fillConvexPoly(image, box.astype(np.int32), colour)
    image = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.3, 2.0) * size_px / 40)
    amplitudes = clutter * rng.dirichlet((1, 1, 0.5)) * rng.uniform(0.2, 1.2)
    for cells, amplitude in zip((3, 8, 20), amplitudes, strict=True):
        # mostly brightness, a little colour: leaves, gravel and brick vary so
        grain = rng.standard_normal((cells, cells, 4), np.float32) * np.float32(amplitude)
        grain = np.float32(0.3) * grain[..., :3] + grain[..., 3:]
        image += cv2.resize(grain, (size_px, size_px), interpolation=cv2.INTER_CUBIC)
    return np.clip(image, 0, 1, out=image)


def _colour(rng: np.random.Generator) -> np.ndarray:
    """A colour of any hue, more often dull than vivid: float [3] in [0, 1]."""
    grey = rng.uniform(0.05, 0.95)
    return np.clip(grey + rng.beta(1, 2) * 0.5 * rng.uniform(-1, 1, 3), 0, 1)


def _pose(
    rgba: np.ndarray, size_px: int, rng: np.random.Generator, render_augmentation: RenderAugmentation
) -> np.ndarray:
    """Homography [3, 3] from the drawing to the frame: a plane turned before a pinhole camera.

    The sign's own extent is scaled, not the drawing's frame, so that a drawing with a wide
    margin does not end up smaller than one without.
    """
    left, top, width, height = cv2.boundingRect(np.ascontiguousarray(rgba[..., 3] > 127, np.uint8))
    if not width:
        left, top, (height, width) = 0, 0, rgba.shape[:2]
    extent = max(width, height)
    to_unit = np.diag((1 / extent, 1 / extent, 1))
    to_unit[:2, 2] = (0.5 - left - width / 2) / extent, (0.5 - top - height / 2) / extent

    roll = np.deg2rad(rng.uniform(-1, 1) * render_augmentation.rotation_deg)
    yaw, pitch = np.deg2rad(rng.uniform(-1, 1, 2) * render_augmentation.tilt_deg)
    turns = (cv2.Rodrigues(np.array(axis))[0] for axis in ((pitch, 0, 0), (0, yaw, 0), (0, 0, roll)))
    project = functools.reduce(np.matmul, turns)
    project[2] /= _CAMERA_DISTANCE
    project[:, 2] = 0, 0, 1  # the sign is flat, and in front of the camera

    to_frame = np.eye(3)
    to_frame[:2] *= rng.uniform(*render_augmentation.scale) * size_px
    to_frame[:2, 2] = (size_px - 1) / 2 + rng.uniform(-1, 1, 2) * render_augmentation.shift * size_px
    return to_frame @ project @ to_unit


def _optics(image: np.ndarray, rng: np.random.Generator, render_augmentation: RenderAugmentation) -> np.ndarray:
    """Defocus and motion blur as one kernel."""
    sigma, length = rng.uniform(*render_augmentation.blur_px), rng.uniform(*render_augmentation.motion_px)
    angle = rng.uniform(0, np.pi)
    radius = int(np.ceil(2.5 * sigma + length / 2))
    if radius == 0:
        return image
    y, x = np.mgrid[-radius : radius + 1, -radius : radius + 1]
    along, across = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
    # a box of this length has variance length^2 / 12; the small floor keeps a sharp kernel finite
    kernel = np.exp(-0.5 * (along**2 / (sigma**2 + length**2 / 12 + 0.05) + across**2 / (sigma**2 + 0.05)))
    return cv2.filter2D(image, -1, (kernel / kernel.sum()).astype(np.float32), borderType=cv2.BORDER_REFLECT_101)


def _light(image: np.ndarray, rng: np.random.Generator, render_augmentation: RenderAugmentation) -> np.ndarray:
    """Tone curve, saturation, exposure, colour cast, and light that falls off across the frame."""
    image = cv2.pow(np.clip(image, 0, 1), float(2 ** (rng.uniform(-1, 1) * render_augmentation.gamma)))
    saturation = rng.uniform(*render_augmentation.saturation)
    gain = 2 ** (rng.uniform(*render_augmentation.exposure) + rng.uniform(-1, 1, 3) * render_augmentation.cast)
    image = cv2.transform(image, gain[:, None] * (_TO_GREY + saturation * (np.eye(3) - _TO_GREY)))
    ramp = np.linspace(-0.5, 0.5, len(image), dtype=np.float32)
    slope = rng.uniform(-1, 1, 2).astype(np.float32) * np.float32(render_augmentation.shade)
    shade = 1 + ramp[:, None] * slope[0] + ramp * slope[1]
    return image * cv2.merge((shade, shade, shade))


def _jpeg(pixels: np.ndarray, quality: int) -> np.ndarray:
    # OpenCV takes the first channel for blue; the codec must weigh the channels as a camera does.
    _, data = cv2.imencode(".jpg", pixels[..., ::-1], (cv2.IMWRITE_JPEG_QUALITY, quality))
    return np.ascontiguousarray(cv2.imdecode(data, cv2.IMREAD_COLOR)[..., ::-1])

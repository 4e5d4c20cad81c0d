"""tf.data's side of `benchmarks/input_pipeline.py`: `decode_and_crop_jpeg`, which decodes the crop alone."""

from __future__ import annotations

import os
import pathlib
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")

import tensorflow as tf

from benchmarks.harness import serve


def main() -> None:
    kind, folder, *numbers = sys.argv[1:]
    size_px, batch, batches, cores = map(int, numbers)
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:cores])
    tf.config.threading.set_intra_op_parallelism_threads(cores)
    tf.config.threading.set_inter_op_parallelism_threads(cores)
    source_images = [path.read_bytes() for path in sorted(pathlib.Path(folder).glob("*.jpg"))]
    method, fancy = ("INTEGER_FAST", False) if kind == "fast" else ("INTEGER_ACCURATE", True)

    def read(index: tf.Tensor, data: tf.Tensor) -> tf.Tensor:
        seed = tf.stack([tf.constant(0, tf.int64), index])
        begin, size, _ = tf.image.stateless_sample_distorted_bounding_box(
            tf.image.extract_jpeg_shape(data),
            tf.zeros([1, 0, 4]),
            seed=seed,
            min_object_covered=0.0,
            aspect_ratio_range=(3 / 4, 4 / 3),
            area_range=(0.08, 1.0),
            max_attempts=10,
            use_image_if_no_bounding_boxes=True,
        )
        window = tf.concat([begin[:2], size[:2]], 0)
        image = tf.image.decode_and_crop_jpeg(data, window, channels=3, dct_method=method, fancy_upscaling=fancy)
        image = tf.raw_ops.ResizeBilinear(images=image[None], size=[size_px, size_px], half_pixel_centers=True)[0]
        image = tf.image.stateless_random_flip_left_right(image, seed=seed + 1)
        return tf.cast(image + 0.5, tf.uint8)

    data = tf.data.Dataset.from_tensor_slices(source_images).repeat().enumerate().take(batch * batches)
    data = data.map(read, num_parallel_calls=cores, deterministic=True).batch(batch, drop_remainder=True).prefetch(2)
    options = tf.data.Options()
    options.threading.private_threadpool_size = cores
    options.threading.max_intra_op_parallelism = 1
    data = data.with_options(options)

    def run() -> dict[str, int]:
        return {"images": sum(len(images) for images in data.as_numpy_iterator())}

    serve(run)


if __name__ == "__main__":
    main()

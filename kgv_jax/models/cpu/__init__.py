"""Forms of layers for XLA's CPU backend, where the usual form is slow.

Values and gradients are those of the usual form; the tests compare them.

    layer                   on a CPU                                              on accelerators
    convolution             gradient of the kernel as one matrix product          XLA's convolution
    depthwise convolution   sum of shifted products, with its own gradients       XLA's grouped convolution
    dense layer             gradient of the kernel with its smaller side first    plain product
    layer norm              gradient written out                                  gradient derived by JAX
    attention               heads before positions, weights computed once         `jax.nn.dot_product_attention`

`jax.lax.platform_dependent` chooses, when a program is lowered and not when it is traced: a program that is exported or
compiled ahead of time for another platform gets that platform's form. The gain is measured by `benchmarks/depthwise.py`
and `benchmarks/step.py`. The layers themselves are in `models/layers.py` and `models/transformer.py`.

`jax.lax.optimization_barrier` occurs in most of these forms. It keeps XLA from fusing a value into each of its readers,
which on a CPU means computing it again for each. On a TPU the CPU's forms cost time: the float32 sums of a kernel's
gradient double what is sent between devices (`make aot`).
"""

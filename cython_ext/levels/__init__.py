"""The machine of tier 0, compiled for levels of processors.

    baseline    every processor: x86-64-v2, or what the platform's compiler assumes
    x86_64_v3   with AVX2 and fused multiply-add
    x86_64_v4   with AVX-512

Each module has `table`, the address of its table of instructions, `pairs`, that of its pairs of
instructions, and `run`, that of the function that runs programs. They differ in the flags of
setup.py alone.
"""

"""`pt.signal`: convolutions and correlations, by the names and signatures of scipy.signal."""

from probtensor.calls import absent
from probtensor.signal.convolutions import (
    convolve,
    convolve1d,
    convolve2d,
    correlate,
    correlate2d,
    fftconvolve,
)

__all__ = [
    "convolve",
    "convolve1d",
    "convolve2d",
    "correlate",
    "correlate2d",
    "fftconvolve",
]

__getattr__ = absent("pt.signal", dict.fromkeys(__all__))

"""`pt.fft`: discrete Fourier transforms, by the names of numpy.fft, and cosine and sine transforms,
by those of scipy.fft.
"""

from probtensor.calls import absent
from probtensor.ops.fourier.cosines import dct, dctn, dst, dstn, idct, idctn, idst, idstn
from probtensor.ops.fourier.functions import (
    fft,
    fft2,
    fftfreq,
    fftn,
    fftshift,
    hfft,
    ifft,
    ifft2,
    ifftn,
    ifftshift,
    ihfft,
    irfft,
    irfft2,
    irfftn,
    rfft,
    rfft2,
    rfftfreq,
    rfftn,
)

__all__ = [
    "dct",
    "dctn",
    "dst",
    "dstn",
    "fft",
    "fft2",
    "fftfreq",
    "fftn",
    "fftshift",
    "hfft",
    "idct",
    "idctn",
    "idst",
    "idstn",
    "ifft",
    "ifft2",
    "ifftn",
    "ifftshift",
    "ihfft",
    "irfft",
    "irfft2",
    "irfftn",
    "rfft",
    "rfft2",
    "rfftfreq",
    "rfftn",
]

__getattr__ = absent("pt.fft", dict.fromkeys(__all__))

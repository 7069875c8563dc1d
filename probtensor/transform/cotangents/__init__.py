"""Cotangents of reverse mode that are not plain products: where a slope is infinite, and where only
a part of a value is read.

    edges.py      zero cotangents where a slope is infinite: the product is 0
    layers.py     masks of cotangents (`where`, slices, scatters), taken off and put back
    mixtures.py   logsumexp of logarithms, differentiated with respect to their arguments
    triangles.py  matrices of which one triangle is read
"""

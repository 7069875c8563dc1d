"""Convolutions and pools as loops over their results, by their definitions."""

import numpy as np


def convolved(x, w, stride, pads, dilation, groups):
    """Results of (batch, channels, *sizes) and (results, channels of a group, *taps)."""
    x = np.pad(x, [(0, 0), (0, 0), *pads])
    taps = w.shape[2:]
    sizes = places(x.shape[2:], taps, stride, dilation)
    out = np.zeros((len(x), len(w), *sizes), np.result_type(x, w))
    each = len(w) // groups
    for b, o, *at in np.ndindex(*out.shape):
        first = o // each * w.shape[1]
        key = [slice(p * s, p * s + (k - 1) * d + 1, d)
               for p, s, k, d in zip(at, stride, taps, dilation)]  # fmt: skip
        out[(b, o, *at)] = np.sum(x[(b, slice(first, first + w.shape[1]), *key)] * w[o])
    return out


def spread(x, w, stride, dilation, groups):
    """The transpose: each element times the kernel, added to its window of the result."""
    sizes = [(n - 1) * s + (k - 1) * d + 1
             for n, s, k, d in zip(x.shape[2:], stride, w.shape[2:], dilation)]  # fmt: skip
    each, results = x.shape[1] // groups, w.shape[1]
    out = np.zeros((len(x), groups * results, *sizes), np.result_type(x, w))
    for b, c, *at in np.ndindex(*x.shape):
        first = c // each * results
        key = [slice(p * s, p * s + (k - 1) * d + 1, d)
               for p, s, k, d in zip(at, stride, w.shape[2:], dilation)]  # fmt: skip
        out[(b, slice(first, first + results), *key)] += x[(b, c, *at)] * w[c]
    return out


def pooled(f, x, size, stride, pads, dilation=None, ceil=False, around=0.0):
    """f of each window of the last axes; a window of nan where `around` is nan has only the others
    (f is one of the functions of NumPy that skip nan)."""
    rank = len(size)
    dilation = dilation or (1,) * rank
    lead = x.shape[: x.ndim - rank]
    n = x.shape[x.ndim - rank :]
    sizes = []
    for m, k, s, d, (before, after) in zip(n, size, stride, dilation, pads):
        room = m + before + after - (k - 1) * d - 1
        count = -(-room // s) + 1 if ceil else room // s + 1
        sizes.append(count - (ceil and (count - 1) * s >= m + before))
    more = [max(0, (c - 1) * s + (k - 1) * d + 1 - m - sum(p)) if ceil else 0
            for c, s, k, d, m, p in zip(sizes, stride, size, dilation, n, pads)]  # fmt: skip
    x = np.pad(x, [(0, 0)] * len(lead) + list(pads), constant_values=around)
    x = np.pad(x, [(0, 0)] * len(lead) + [(0, extra) for extra in more], constant_values=np.nan)
    out = np.zeros((*lead, *sizes))
    for at in np.ndindex(*sizes):
        key = [slice(p * s, p * s + (k - 1) * d + 1, d)
               for p, s, k, d in zip(at, stride, size, dilation)]  # fmt: skip
        out[(..., *at)] = f(x[(..., *key)], axis=tuple(range(-rank, 0)))
    return out


def places(sizes, taps, stride, dilation):
    return [(n - (k - 1) * d - 1) // s + 1 for n, k, s, d in zip(sizes, taps, stride, dilation)]

"""Functions of shapes, joins and pads, by the names of NumPy and PyTensor: graphs of other ops.

    scalars.py    what is known while a graph is built: constants, lengths
    checks.py     shapes that a call must have, shapes that others broadcast to
    axes.py       new axes, joined and split ones, turns: shape_padleft, join_dims, rot90
    joins.py      hstack, block, append, pack
    splits.py     hsplit, array_split, unstack, unpack
    edits.py      insert, delete, resize
    pads.py       pad
    grids.py      logspace, mgrid, indices of triangles, windows
    windows.py    ops: the windows of an axis, and their transpose; sliding_window_view
    convolution.py    the op of all convolutions; convolve, correlate
    interpolation.py  interp, interpolate1d
    choices.py    select, piecewise, polyval, unwrap
"""

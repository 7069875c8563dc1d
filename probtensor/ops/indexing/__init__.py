"""Reading and writing parts of tensors.

    index.py       x[key], by NumPy's rules
    writing.py     x.at[key].set(v) and its kin
    slicing.py     slices, and writing into them
    gather.py      gather and scatter, the ops of integer arrays
    along.py       take, take_along_axis, permutations
    choosing.py    choose, putmask, place
    flat.py        ravel_multi_index, unravel_index, put
    segments.py    segment_sum and its kin
"""

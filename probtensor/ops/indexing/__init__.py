"""Reading and writing parts of tensors.

    index.py       x[key], x.at[key], by NumPy's rules
    slicing.py     slices, and writing into them
    gather.py      gather and scatter, the ops of integer arrays
    along.py       take, take_along_axis
"""

"""Views, broadcasts, gathers and `where`.

    shapes.py      views of views, and broadcasts
    joins.py       folds of joins
    picks.py       elementwise ops after gathers of few elements
    reads.py       a pass: all ops after slices of few elements
    matrices.py    linear algebra by the structure of matrices
    choices.py     conditions taken out of sums, and redundant ones
"""

"""The rules of several entries together.

    views.py        indexing, rearranging, repeating
    joins.py        joining, writing
    linear.py       linear functions of vectors
    vectors.py      parts of shares and tallies, functions of random covariance matrices

The one idea: a view of entries is a view of their places, computed with numbers, so that values go
back to the places that they come from, and densities forth.
"""

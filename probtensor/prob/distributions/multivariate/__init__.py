"""Distributions of vectors and matrices. The last axes of a value are one point.

    factors.py       products, systems and diagonals of Cholesky factors, by what is known of them
    normals.py       normal and Student's t vectors, by factors, precisions and low ranks; of sum 0
    products.py      matrix normal and Kronecker normal, whose covariances are products
    correlations.py  LKJ: correlation matrices and their factors
    covariances.py   Wishart and inverse Wishart: covariance matrices and their factors
    shares.py        the simplex: Dirichlet, stick-breaking weights, relaxed one-hot vectors
    tallies.py       counts that sum to a given number: multinomial, Dirichlet-multinomial
    directions.py    unit vectors
    angles.py        pairs of angles
    copulas.py       entries of any distributions, with the dependence of normal vectors

Formulas are those of Kotz, Balakrishnan and Johnson, "Continuous Multivariate Distributions"
(2000), and Johnson, Kotz and Balakrishnan, "Discrete Multivariate Distributions" (1997), where no
other source is named. A covariance is always taken by its factor L, also in
densities of matrices: a Wishart density is one of the entries of a triangular matrix that are
independent normal and chi variables (Bartlett 1933), which loses no digits for large degrees of
freedom.
"""

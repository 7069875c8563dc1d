"""Maps from unconstrained space onto supports, with log-Jacobians.

    base.py      Bijector, the interface; the identity; Chain
    scalars.py   onto sets of numbers: bounds, softplus, offset and multiplier, angles
    vectors.py   onto sets of vectors: in order, simplex, of sum 0, unit vectors, the L1 ball
    matrices.py  onto correlation and covariance matrices, their Cholesky factors, and matrices of
                 probabilities
    centring.py  coordinates relative to a variable's own location and scale (`centered=`)
    choice.py    bijector_for: the map of each support
    public.py    pt.bijectors, the names that users choose from by `pt.condition(transforms=)`

A bijector works on trailing event axes and any leading axes. `forward(u)` is the value,
`inverse(x)` the unconstrained point, `log_jacobian(u)` is log |dx/du|, one number a point of the
support. All three are graphs.

No value lies beyond a bound. It may round onto a bound where exp(u) is negligible beside it; a
density has its limit there. A value is computed from the nearer bound, so that it has the relative
precision of its distance to that bound.

Spheres have no such map. Their points are directions of vectors of one entry more, and
`log_jacobian` adds the density of the length of such a vector, which integrates to 1 and is that of
a normal vector; so the density of the directions is right, and `inverse` gives one of the vectors
with that direction.

Rejected: a stick-breaking simplex as the default (see vectors.LogRatio), and correlations by angles
of spherical coordinates, whose Jacobian has poles inside of the space.
"""

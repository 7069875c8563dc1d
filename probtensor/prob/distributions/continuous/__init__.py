"""Continuous distributions of one number.

    families.py    location and scale, halves, monotone functions of another distribution
    real.py        over all real numbers, by location and scale
    skewed.py      over all real numbers, skewed ones among them
    positive.py    over positive numbers: halves of symmetric ones, log_normal, those of rates
    lifetimes.py   over positive numbers: lifetimes, sizes, waiting times
    powers.py      over positive numbers, with a tail that is a power
    bounded.py     over intervals: uniform, beta
    shares.py      over intervals: other shares, and sizes within bounds
    circular.py    of angles
    passages/      first passage times of diffusions: wiener, drift_diffusion
    polya_gamma.py, by its Laplace transform
    renamed.py     others in parameters of their own
    searches.py    tails by quadrature, quantiles by a search for the root
    truncated.py   moments of truncated ones

Formulas are those of Johnson, Kotz and Balakrishnan, "Continuous Univariate Distributions" (1994,
1995), in the parameters that Gelman et al., "Bayesian Data Analysis" (2013), appendix A, use;
`x` is the value, `z` the value standardised. Dividing by a scale is written as a product with its
inverse, so that there is one division for a scale shared by many observations.
"""

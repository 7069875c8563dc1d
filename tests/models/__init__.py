"""The models that tests and benchmarks share.

`programs` are graphs that need no data, `posteriordb` posteriors with reference draws, `by_hand`
densities as device code.
"""

# Rubin (1981): effects of coaching in eight schools, and their standard errors.
EIGHT_SCHOOLS = {
    "y": (28.0, 8.0, -3.0, 7.0, -1.0, 1.0, 18.0, 12.0),
    "sigma": (15.0, 10.0, 16.0, 11.0, 9.0, 11.0, 10.0, 18.0),
}

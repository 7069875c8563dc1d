"""First passage times: when a diffusion between two boundaries first reaches one of them.

    series.py  densities and tails of the times at one boundary
    wiener.py  wiener and drift_diffusion: times of decisions, at one boundary and at both
"""

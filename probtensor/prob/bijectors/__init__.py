"""Maps from unconstrained space onto supports, with log-Jacobians."""

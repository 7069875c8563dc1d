"""Random draws: pure functions of a key, an index and the parameters (draws.py)."""

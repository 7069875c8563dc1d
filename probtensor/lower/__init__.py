"""Lowering: a graph to a plan of kernels."""

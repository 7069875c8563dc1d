"""Graphs and models of other libraries."""

"""Reads and writes of parts of tensors."""

"""Native code written by hand and built at install: entry checks, the chain loop, BLAS glue, the
core of graphs."""

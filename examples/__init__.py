"""One model a file; each has `main`, which tests call with few draws."""

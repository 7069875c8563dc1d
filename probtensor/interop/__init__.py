"""Graphs and models of other libraries, compiled here.

    pytensor/   graphs of PyTensor
    pymc/       models of PyMC

Each needs the library that it is for, and nothing else imports it.
"""

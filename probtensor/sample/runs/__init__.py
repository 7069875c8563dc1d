"""Runs on the host: from settings to draws.

    start.py       start points
    host.py        chains on threads of this process
    threads.py     how chains are watched, and how they stop
    interrupts.py  Ctrl-C while draws are made
    progress.py    the progress display
    draws.py       what a run has drawn
    output.py      draws as an ArviZ object
"""

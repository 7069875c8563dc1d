"""Loops cut into strips, so that a C compiler can vectorise them without reordering any sum itself.

A loop over n iterations becomes a loop over strips of 64. In a strip, statements are grouped into
segments: a vector segment holds straight-line statements whose iterations are independent, and
becomes one inner loop that vectorises; a serial segment holds what has to go iteration by iteration
(scatters, inner loops). Locals that cross from one segment to another are wide: arrays with an
element for each iteration of a strip. Accumulators get an element for each lane and are folded
once, after the loop, in a fixed order: the result does not depend on the compiler, and no flag has
to allow it to reorder sums. Some shapes are given to routines written by hand.

    for i in range(n):                    for i in strips of 64:
      e = 0                                 RowsDot       e[:] = 64 rows of x times b
      for j in range(m):
        e += x[i*m + j] * b[j]
      r = exp(e)                            VectorSegment r[l] = exp(e[l])   for each lane l
      a += r                                              a[l] += r[l]
      for j in range(m):
        g[j] += r * x[i*m + j]              RowsAdd       g[:] += r[:] times 64 rows of x
                                          a = fold of a[:]

Here `e` and `r` are wide. `explain("schedule")` shows it for a function.

    passes.py     what becomes of a loop, and the passes `STRIPS` that cut it
    forms.py      what they make
    routines.py   loops that are what a routine of `pt_loops.h` does
    jam.py        several rows of a loop at once
    check.py      what holds of a strip
    text.py       strips as text, for people
"""

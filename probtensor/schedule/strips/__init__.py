"""Loops cut into strips (strip mining), which a C compiler vectorises without reordering sums.

A loop over n iterations becomes a loop over strips of 64. In a strip, statements are grouped into
segments: a vector segment has straight-line statements whose iterations are independent, and
becomes one inner loop that vectorises; a serial segment has statements that must run one iteration
at a time (scatters, inner loops). Locals that are set in one segment and read in another are wide:
arrays with an element for each iteration of a strip. Accumulators have an element for each lane and
are folded once, after the loop, in a fixed order: the result does not depend on the compiler, and
no flag allows it to reorder sums. Some shapes of loops become calls of handwritten routines.

    for i in range(n):                    for i in strips of 64:
      e = 0                                 RowsDot       e[:] = 64 rows of x times b
      for j in range(m):
        e += x[i*m + j] * b[j]
      r = exp(e)                            VectorSegment r[l] = exp(e[l])   for each lane l
      a += r                                              a[l] += r[l]
      for j in range(m):
        g[j] += r * x[i*m + j]              RowsAdd       g[:] += r[:] times 64 rows of x
                                          a = fold of a[:]

A long loop has vector segments of bounded size, which become C functions.

Here `e` and `r` are wide. `explain("schedule")` shows the strips of a function.

    passes.py     the choice of a form for each loop, and the passes `STRIPS` that make a strip
    forms.py      the forms
    routines.py   loops that a routine of `pt_loops.h` computes
    jam.py        several rows of a loop in one iteration (unroll and jam)
    unroll.py     short loops inside of loops, unrolled for an interpreter
    scans.py      loops in order, whose parts before and after the states run in strips there
    inner.py      what an interpreter asks of loops that run one iteration at a time
    check.py      the invariants of a strip
    text.py       strips as text
"""

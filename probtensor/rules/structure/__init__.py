"""Views, choices and reading.

    shapes.py      views of views, and repetition
    picks.py       where few elements are read, only they are computed
    choices.py     choices made once, or left out
"""

"""Generated text of a dozen models, committed: a refactoring must change none of it.

`models.py` names the models, `dump.py` writes their text, `sources/` holds it as last accepted.
`make golden` accepts what is generated now; `make replay BASE=main` shows what a branch changes.
"""

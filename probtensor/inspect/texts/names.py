"""Names as LaTeX writes them: Greek letters, indices, and text in which LaTeX finds no commands."""

from __future__ import annotations

GREEK = (
    "alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota", "kappa",
    "lambda", "mu", "nu", "xi", "pi", "rho", "sigma", "tau", "upsilon", "phi", "chi", "psi",
    "omega", "Gamma", "Delta", "Theta", "Lambda", "Xi", "Pi", "Sigma", "Upsilon", "Phi", "Psi",
    "Omega",
)  # fmt: skip
_ESCAPES = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#",
    "%": r"\%", "_": r"\_", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
}  # fmt: skip


def operator(name: str) -> str:
    r"""A function's name in LaTeX: \operatorname{erf} of erf."""
    return rf"\operatorname{{{escaped(name)}}}"


def name_in_latex(name: str) -> str:
    r"""A variable's name in LaTeX: \mu_{a} of mu_a, \theta of theta, \mathrm{school} of school."""
    head, mark, rest = name.partition("_")
    if not head or (mark and not all(rest.split("_"))):
        return rf"\mathrm{{{escaped(name)}}}"
    main = _word(head)
    if not rest:
        return main
    return f"{main}_{{{', '.join(map(_word, rest.split('_')))}}}"


def _word(word: str) -> str:
    stem = word.rstrip("0123456789")
    digits = word[len(stem) :]
    if digits and (stem in GREEK or len(stem) == 1):
        return f"{_word(stem)}_{{{digits}}}" if len(word) == len(stem) + len(digits) else word
    if word in GREEK:
        return f"\\{word}"
    if len(word) == 1 or word.isdigit():
        return escaped(word)
    return rf"\mathrm{{{escaped(word)}}}"


def escaped(text: str) -> str:
    """Text in which LaTeX finds no commands."""
    return "".join(_ESCAPES.get(c, c) for c in text)

"""Expressions of generated Cython as C: casts, conditional values, and parentheses where the
operators of C bind in another order."""

from __future__ import annotations

import re
from collections.abc import Set

_TOKEN = (
    r"\s*(?:(?P<number>(?:\d+\.?\d*(?:[eE][-+]?\d+)?)(?:ULL|LL)?)"
    r"|(?P<name>[A-Za-z_]\w*)"
    r"|(?P<sign>//|<=|>=|==|!=|[-+*/%&|^~<>()\[\],]))"
)
# Python's binary operators, the loosest first; all are left-associative.
_LEVELS = (
    ("<", "<=", ">", ">=", "==", "!="),
    ("|",),
    ("^",),
    ("&",),
    ("+", "-"),
    ("*", "/", "//", "%"),
)
# How tightly C binds a result: of a conditional value, of the levels above, of one operand.
_CONDITIONAL, _BOTH, _UNARY, _CLOSED = 0, 1, 20, 30
_C_LEVEL = {"|": 2, "^": 3, "&": 4, "==": 5, "!=": 5, "<": 6, "<=": 6, ">": 6, ">=": 6, "+": 8,
            "-": 8, "*": 9, "/": 9, "//": 9, "%": 9}  # fmt: skip
_ARITHMETIC = 8


def c_expression(text: str, prefix: str = "", names: Set[str] = frozenset()) -> str:
    """An expression as C; `prefix` is put before those of the `names` that it calls."""
    parser = _Parser(text, prefix, names)
    found, _ = parser.conditional()
    if parser.token:
        raise SyntaxError(f"no C for {text!r}: it goes on with {parser.token!r}")
    return found


def split_arguments(text: str) -> list[str]:
    """The arguments of a call."""
    parts, depth = [""], 0
    for c in text:
        depth += (c in "([") - (c in ")]")
        if c == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += c
    return [part.strip() for part in parts]


def without_parentheses(text: str) -> str:
    """The text without parentheses around all of it."""
    depth = 0
    for k, c in enumerate(text):
        depth += (c == "(") - (c == ")")
        if depth == 0 and k < len(text) - 1:
            return text
    return text[1:-1] if text.startswith("(") else text


class _Parser:
    """Reads one expression; each method gives its C, and how tightly that binds."""

    def __init__(self, text: str, prefix: str, names: Set[str]) -> None:
        self.text, self.prefix, self.names = text, prefix, names
        self.pattern = re.compile(_TOKEN)
        self.position = 0
        self.token = self.kind = ""
        self.step()

    def step(self) -> str:
        """Go to the next token; gives the one before."""
        before = self.token
        found = self.pattern.match(self.text, self.position)
        if found is None:
            if self.text[self.position :].strip():
                raise SyntaxError(f"no C for {self.text!r}")
            self.token = self.kind = ""
            return before
        self.position = found.end()
        self.kind = found.lastgroup or ""
        self.token = found[self.kind]
        return before

    def expect(self, token: str) -> None:
        """Pass this token."""
        if self.token != token:
            raise SyntaxError(f"no C for {self.text!r}: {token!r} is missing at {self.token!r}")
        self.step()

    def conditional(self) -> tuple[str, int]:
        first = self.negation()
        if self.token != "if":
            return first
        self.step()
        condition = self.negation()
        self.expect("else")
        second = self.conditional()
        texts = [_inside(part, _CONDITIONAL + 1) for part in (condition, first, second)]
        return f"{texts[0]} ? {texts[1]} : {texts[2]}", _CONDITIONAL

    def negation(self) -> tuple[str, int]:
        if self.token != "not":
            return self.comparison()
        self.step()
        return f"!{_inside(self.negation(), _UNARY)}", _UNARY

    def comparison(self) -> tuple[str, int]:
        """A comparison, or a chain of them: a < b <= c."""
        operands, signs = [self.binary(1)], []
        while self.token in _LEVELS[0]:
            signs.append(self.step())
            operands.append(self.binary(1))
        if not signs:
            return operands[0]
        texts = [_inside(operand, _ARITHMETIC) for operand in operands]
        pairs = [f"{a} {sign} {b}" for a, sign, b in zip(texts, signs, texts[1:])]
        return " && ".join(pairs), _C_LEVEL[signs[0]] if len(pairs) == 1 else _BOTH

    def binary(self, level: int) -> tuple[str, int]:
        if level == len(_LEVELS):
            return self.unary()
        left = self.binary(level + 1)
        while self.token in _LEVELS[level]:
            sign = self.step()
            right = self.binary(level + 1)
            binding = _C_LEVEL[sign]
            # Other operators than those of arithmetic have parentheses around every operand that
            # is a binary expression itself, for people and for the compiler's warnings.
            least = binding if binding >= _ARITHMETIC else _UNARY
            texts = _inside(left, least), _inside(right, least + (binding >= _ARITHMETIC))
            left = f"{texts[0]} {'/' if sign == '//' else sign} {texts[1]}", binding
        return left

    def unary(self) -> tuple[str, int]:
        if self.token in ("-", "~", "+"):
            sign = self.step()
            operand = _inside(self.unary(), _UNARY)
            space = " " if operand.startswith(sign) else ""
            return f"{sign}{space}{operand}", _UNARY
        if self.token == "&":
            self.step()
            return f"&{_inside(self.unary(), _UNARY)}", _UNARY
        if self.token == "<":
            return self.cast()
        return self.postfix()

    def cast(self) -> tuple[str, int]:
        self.step()
        words: list[str] = []
        while self.token and self.token != ">":
            words.append(self.step())
        self.expect(">")
        kind = " ".join(words).replace("* *", "**")
        return f"({kind}) {_inside(self.unary(), _UNARY)}", _UNARY

    def postfix(self) -> tuple[str, int]:
        found = self.primary()
        while self.token in ("(", "["):
            opened = self.step()
            closed = ")" if opened == "(" else "]"
            parts: list[str] = []
            while self.token != closed:
                parts.append(self.conditional()[0])
                if self.token != closed:
                    self.expect(",")
            self.expect(closed)
            inside = ", ".join(map(without_parentheses, parts))
            found = f"{found}{opened}{inside}{closed}"
        return found, _CLOSED

    def primary(self) -> str:
        if self.token == "(":
            self.step()
            text, _ = self.conditional()
            self.expect(")")
            return f"({without_parentheses(text)})"
        if self.kind == "name" and self.token not in ("if", "else", "or", "and", "not"):
            name = self.step()
            called = name in self.names and self.token == "("  # a local may have the same name
            return f"{self.prefix}{name}" if called else name
        if self.kind == "number":
            return self.step()
        raise SyntaxError(f"no C for {self.text!r} at {self.token!r}")


def _inside(part: tuple[str, int], least: int) -> str:
    """The text of an operand, in parentheses if it binds less tightly than that."""
    text, binding = part
    return text if binding >= least else f"({text})"

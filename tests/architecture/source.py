"""The source tree as the laws read it: files, imports, functions, module-level state."""

import ast
import functools
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CODE_DIRS = ("probtensor", "cython_ext", "cuda", "tests", "examples")
SUFFIXES = (".py", ".pyx", ".pxd", ".h", ".cu", ".cuh", ".js", ".css", ".html")
# Written by programs, and judged by golden tests instead; or by others.
GENERATED = ("tests/golden/sources/", "probtensor/inspect/explore/vendor/")
PYX_FUNCTION = re.compile(r"^(\s*)(?:async\s+)?(?:def|cdef|cpdef)\s[^=]*?(\w+)\s*\(")


def code_files(*suffixes, under=CODE_DIRS):
    """Hand-written files with one of `suffixes`, as paths relative to the root, sorted."""
    paths = [ROOT / "setup.py"] if ".py" in suffixes and under == CODE_DIRS else []
    for folder in under:
        for path in sorted((ROOT / folder).rglob("*")):
            name = path.relative_to(ROOT).as_posix()
            if path.suffix in suffixes and not name.startswith(GENERATED):
                paths.append(path)
    return [path.relative_to(ROOT) for path in paths]


def text(path):
    """The text of a file named relative to the root."""
    return (ROOT / path).read_text(encoding="utf-8")


@functools.cache
def tree(path):
    """The syntax tree of a Python file."""
    return ast.parse(text(path), str(path))


@functools.cache
def nodes(path):
    """All nodes of the syntax tree of a Python file."""
    return tuple(ast.walk(tree(path)))


def statements(outer):
    """All statements inside a node of a syntax tree; expressions are not looked through."""
    inside = [outer]
    while inside:
        node = inside.pop()
        yield node
        for field in ("body", "orelse", "finalbody", "handlers", "cases"):
            found = getattr(node, field, ())
            inside += found if isinstance(found, list) else ()


def module_name(path):
    """`probtensor/ops/scalar.py` -> `probtensor.ops.scalar`; a package by its folder."""
    parts = list(path.with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(path):
    """(module, line, is_late) for each import, absolute; `from a import b` gives both a.b and a.

    `from a import b` is an arrow to a.b where that is a module of this tree, else to a, and so is
    `late("a.b")`. An import is late when it stands inside a function.
    """
    inside = [(tree(path), False)]
    while inside:
        node, late = inside.pop()
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "late":
            yield node.args[0].value, node.lineno, late
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, node.lineno, late
        elif isinstance(node, ast.ImportFrom):
            base = absolute(path, node)
            for alias in node.names:
                whole = f"{base}.{alias.name}"
                yield whole if is_module(whole) else base, node.lineno, late
        late = late or isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
        inside += [(child, late) for child in ast.iter_child_nodes(node)]


def absolute(path, node):
    """The absolute module named by an ImportFrom node in the file `path`."""
    if node.level == 0:
        return node.module
    package = module_name(path).split(".")
    drop = node.level - (path.name == "__init__.py")
    package = package[: len(package) - drop]
    return ".".join(package + ([node.module] if node.module else []))


@functools.cache
def is_module(name):
    """Is there a Python or Cython file or package of this dotted name in the tree?"""
    path = ROOT / Path(*name.split("."))
    return path.is_dir() or any(path.with_suffix(suffix).exists() for suffix in (".py", ".pyx"))


def functions(path):
    """(qualified name, first line, number of lines) of each function in a .py or .pyx file."""
    if path.suffix == ".py":
        for node in statements(tree(path)):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                yield node.name, node.lineno, node.end_lineno - node.lineno + 1
    else:
        yield from cython_functions(text(path).splitlines())


def cython_functions(lines):
    """As `functions`, by indentation: a body is what stands deeper than its `def`."""
    for start, line in enumerate(lines):
        match = PYX_FUNCTION.match(line)
        if not match or line.lstrip().startswith(("cdef class", "cdef extern")):
            continue
        end = signature_end(lines, start)
        if not lines[end].rstrip().endswith(":"):
            continue  # a declaration
        last = end
        for number in range(end + 1, len(lines)):
            body = lines[number]
            if not body.strip():
                continue
            if len(body) - len(body.lstrip()) <= len(match[1]):
                break
            last = number
        yield match[2], start + 1, last - start + 1


def signature_end(lines, start):
    """Index of the line on which the parentheses opened at `start` are closed again."""
    depth = 0
    for number in range(start, len(lines)):
        code = lines[number].split("#")[0]
        depth += code.count("(") - code.count(")")
        if depth <= 0:
            return number
    return len(lines) - 1

"""The laws: import arrows, sizes, docstrings, no hidden state. They only read the source."""

import ast
import re
import sys
import tomllib
from collections import Counter

from tests.architecture import source

LANGUAGE = {"types", "graph", "version", "calls", "process"}
ALGEBRA = LANGUAGE | {"ops", "transform"}
FACE = {"autodiff", "debug", "fft", "linalg", "loop", "special", "ode", "optimize", "quadrature",
        "basis", "gp", "timeseries", "nn", "signal",
        "sparse"}
COMPILER = ALGEBRA | {
    "system", "rules", "kernel", "schedule", "lower", "device", "targets", "export", "inspect",
    "function", "compile",
}
FOUNDATION = {"dataclass", "late"}  # what every layer may import
EVERYTHING = COMPILER | FACE | {"evaluate", "prob", "sample", "approximate", "interop", "testing"}
# Layer -> what it may import, itself apart. A layer not listed here may not exist.
ARROWS = {
    "version": set(),
    "dataclass": set(),
    "calls": set(),
    "types": {"calls", "process"},
    "process": set(),
    "late": {"process"},
    "graph": {"types", "calls", "process"},
    "system": {"process"},
    "device": {"types", "version", "calls", "process", "system"},
    "kernel": {"types"},
    "schedule": {"types", "kernel"},
    "ops": LANGUAGE,
    "transform": LANGUAGE | {"ops"},
    "rules": ALGEBRA,
    "lower": LANGUAGE | {"ops.kinds", "kernel"},
    "targets": {"types", "version", "calls", "process", "system", "device", "kernel", "schedule"}
    | {"lower.memory", "lower.plan"},
    "export": {"types", "version", "process", "system", "kernel", "targets", "lower.plan"},
    "inspect": ALGEBRA | {"system", "rules", "device", "kernel", "schedule", "lower", "targets"},
    "function": LANGUAGE
    | {"inspect", "export", "system", "device", "kernel", "schedule", "lower", "targets"}
    | {"ops.arrays.require"}
    | {"ops.kinds", "ops.complexes.pair", "ops.halves", "ops.values.effects"},
    "compile": COMPILER,
    "evaluate": LANGUAGE | {"ops.kinds", "ops.complexes.pair", "function", "compile"},
    "prob": ALGEBRA
    | {"system", "rules", "device", "export", "inspect", "function", "compile", "version"}
    | {"targets", "optimize", "sample.checks", "sample.runs.output", "sample.run", "sample.errors"},
    "sample": {"version", "system", "device", "calls", "process"},
    "approximate": ALGEBRA | {"version", "compile", "prob", "sample"},
    "autodiff": COMPILER | {"compile"},
    "debug": LANGUAGE | {"ops", "inspect", "function"},
    "fft": {"ops", "calls"},
    "signal": LANGUAGE | {"ops"},
    "sparse": LANGUAGE | {"ops", "function"},
    "nn": LANGUAGE | {"ops", "prob.random", "rules", "function"},
    "linalg": {"ops", "calls"},
    "loop": {"ops", "calls"},
    "special": {"ops", "calls"},
    "ode": ALGEBRA | {"rules"},
    "optimize": ALGEBRA | {"rules"},
    "quadrature": ALGEBRA,
    "basis": LANGUAGE | {"ops"},
    "gp": ALGEBRA | {"rules", "prob"},
    "timeseries": ALGEBRA | {"rules", "prob"},
    "interop": EVERYTHING,
    "testing": COMPILER | {"prob", "sample"},
    "__main__": EVERYTHING,
    "": EVERYTHING,  # probtensor/__init__.py
}
NATIVE_USERS = {
    "dataclass", "graph", "ops", "transform", "targets", "inspect", "function", "prob", "sample",
    "approximate", "testing", "__main__",
}  # fmt: skip
# Heavy, or optional, or both: imported inside the function that needs them, so that
# `import probtensor` stays quick.
REQUIRED = {"Cython", "arviz", "rich", "scipy"}
OPTIONAL = {"matplotlib", "mpmath", "pycuda", "pytensor"}
LATE_ONLY = REQUIRED | OPTIONAL | {"xarray"}  # xarray comes with ArviZ
EAGER = {"numpy"}
# Tables that a function fills, each with the reason why it is one.
KNOWN_STATE = {
    "process.py": {"_LOCKS": "the locks that are freed in a forked child"},
    "graph/origin.py": {
        "_CURRENT": "the node that a rewrite replaces lends its origin to what it becomes",
        "_QUIET": "what the library makes for itself is not tried with the user's test values",
    },
    "transform/recording.py": {
        "_CURRENT": "rules are applied in many places; a thread records them wherever it is",
    },
    "ops/values/effects.py": {
        "_QUIET": "a tool that computes a call again, in this thread, repeats no effect",
    },
    "device/current.py": {"_DRIVER": "a process has one primary context, opened at first use"},
    "targets/cython/native.py": {"_LOADED": "a module in use is mapped once, however often made"},
    "interop/pytensor/translate.py": {
        "ROWS": "the modules of rows fill the table of ops",
        "BATCHED": "the modules of rows fill the table of ops",
    },
    "function/numbers/checked.py": {"_WATCHED": "the blocks of pt.debug.check that are open"},
    "sparse/pattern.py": {"_KNOWN": "equal patterns are one object, as nodes are, while they live"},
    "graph/sizes.py": {"_UIDS": "sizes of one tensor's value have one name as long as it lives"},
    "evaluate.py": {"_EVALUATED": "functions that `eval` made, kept as long as their tensors live"},
    "ops/kinds/base.py": {
        "REGISTRY": "the ops that @op has met: the one thing that registers itself"
    },
}
MARKS = re.compile(r"\b(TODO|FIXME|XX" + r"X|HACK)\b")
PLACES = re.compile(r"(?<![\w.])/(work|root|home|Users)/")

PROBTENSOR = source.code_files(".py", under=("probtensor",))
PYTHON = source.code_files(".py")
ALL_CODE = source.code_files(*source.SUFFIXES)


def over(paths):
    """Decorator: one test that checks every path, and tells all that break the law."""

    def decorated(check):
        def test():
            broken = []
            for path in paths:
                try:
                    check(path)
                except AssertionError as error:
                    broken.append(str(error).split("\nassert ")[0])
            assert paths and not broken, "\n".join(broken)

        test.__name__, test.__doc__ = check.__name__, check.__doc__
        return test

    return decorated


by_path = over(PROBTENSOR)


def layer_of(module):
    """`probtensor.ops.scalar` -> `ops`; the package itself -> the empty string."""
    return (module.split(".") + [""])[1]


def allowed_arrow(layer, target):
    """May `layer` import the module `target` of probtensor?"""
    inner = target.removeprefix("probtensor").lstrip(".")
    granted = ARROWS[layer] | FOUNDATION | {layer}
    return any(inner == name or inner.startswith(f"{name}.") for name in granted if name)


def test_every_module_has_a_layer():
    layers = {layer_of(source.module_name(path)) for path in PROBTENSOR}
    assert layers <= set(ARROWS), f"name the layer in ARROWS: {sorted(layers - set(ARROWS))}"


def test_arrows_have_no_cycle():
    seen = set()
    for layer in ("dataclass", "version", "calls", "process", "types", "late", "system", "device",
                  "graph",
                  "kernel", "schedule", "ops", "transform", "rules", "lower", "targets", "export",
                  "inspect", "function", "compile", "evaluate", "sample", "optimize", "prob",
                  "linalg", "loop", "special", "ode", "quadrature", "basis", "gp",
                  "timeseries", "approximate"):  # fmt: skip
        above = {name.split(".")[0] for name in ARROWS[layer]} - {layer}
        assert above <= seen, f"{layer} points down at {sorted(above - seen)}"
        seen.add(layer)


@by_path
def test_imports_point_up(path):
    layer = layer_of(source.module_name(path))
    wrong = []
    for module, line, late in source.imports(path):
        root = module.split(".")[0]
        if root == "probtensor":
            # `from probtensor import ops` names the layer; the bare package would be a cycle.
            good = not late and allowed_arrow(layer, module)
        elif root == "cython_ext":
            good = layer in NATIVE_USERS
        elif root in LATE_ONLY:
            good = late or layer == "interop"
        elif root in EAGER or root in sys.stdlib_module_names:
            good = not late
        else:
            good = layer == "interop"
        if not good:
            wrong.append(f"{path}:{line}: {'late ' if late else ''}import of {module}")
    assert not wrong, "\n".join(wrong)


def test_what_is_imported_is_declared_and_no_more():
    project = tomllib.loads(source.text("pyproject.toml"))["project"]
    declared = {re.split(r"[^\w-]", line)[0] for line in project["dependencies"]}
    assert declared == {name.lower() for name in EAGER | REQUIRED}


@by_path
def test_public_things_say_what_they_are(path):
    tree = source.tree(path)
    missing = [] if ast.get_docstring(tree) else [f"{path}: module"]
    for node in tree.body:
        named = isinstance(node, (ast.FunctionDef, ast.ClassDef))
        if named and not node.name.startswith("_") and not ast.get_docstring(node):
            missing.append(f"{path}:{node.lineno}: {node.name}")
    assert not missing, "no docstring:\n" + "\n".join(missing)


@over([p for p in PROBTENSOR if p.name == "__init__.py"])
def test_a_design_note_fits_one_screen(path):
    note = ast.get_docstring(source.tree(path)) or ""
    assert 1 <= len(note.splitlines()) <= 60


def test_no_folder_is_crowded():
    """A folder that has grown past this is several topics: give each one its own."""
    count = Counter(path.parent for path in PROBTENSOR)
    crowded = {str(folder): n for folder, n in count.items() if n > 14}
    assert not crowded, f"14 files are allowed in a folder: {crowded}"


@over(ALL_CODE)
def test_sizes(path):
    lines = source.text(path).splitlines()
    long = [
        f"{path}:{number}: {len(line)} columns"
        for number, line in enumerate(lines, 1)
        if len(line) > 100
    ]
    if path.suffix in (".py", ".pyx"):
        long += [
            f"{path}:{first}: {name} has {size} lines, 59 are allowed"
            for name, first, size in source.functions(path)
            if size >= 60
        ]
    if len(lines) >= 600:
        long.append(f"{path}: {len(lines)} lines, 599 are allowed")
    assert not long, "\n".join(long)


@over(ALL_CODE)
def test_no_marks_of_unfinished_work_and_no_machine_of_ours(path):
    found = [
        f"{path}:{number}: {line.strip()}"
        for number, line in enumerate(source.text(path).splitlines(), 1)
        if MARKS.search(line) or PLACES.search(line)
    ]
    assert path.name == "test_layers.py" or not found, "\n".join(found)


def changed_globals(tree):
    """Module-level names that some function of the module rebinds, fills or empties."""
    names = {target.id for node in tree.body for target in assigned(node)}
    changed = set()
    for function in ast.walk(tree):
        if not isinstance(function, (ast.FunctionDef, ast.Lambda)):
            continue
        inner = list(ast.walk(function))
        own = {arg.arg for arg in inner if isinstance(arg, ast.arg)}
        declared = {n for node in inner if isinstance(node, ast.Global) for n in node.names}
        own |= {target.id for node in inner for target in assigned(node)} - declared
        touched = declared | {name for node in inner for name in mutated(node)}
        changed |= touched & names - own
    return changed


def assigned(node):
    """Plain names bound by an assignment statement."""
    if isinstance(node, ast.Assign):
        return [target for target in node.targets if isinstance(target, ast.Name)]
    if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
        return [node.target]
    return []


MUTATORS = {
    "add", "append", "clear", "discard", "extend", "insert", "pop", "popitem", "remove",
    "setdefault", "update",
}  # fmt: skip


def mutated(node):
    """Names whose value the node changes in place: `a[i] = x`, `del a[i]`, `a.append(x)`."""
    targets = []
    if isinstance(node, (ast.Assign, ast.Delete)):
        targets = node.targets
    elif isinstance(node, ast.AugAssign):
        targets = [node.target]
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        targets = [node.func] if node.func.attr in MUTATORS else []
    for target in targets:
        inner = target.value if isinstance(target, (ast.Subscript, ast.Attribute)) else None
        if isinstance(inner, ast.Name):
            yield inner.id


@by_path
def test_no_hidden_state(path):
    name = path.relative_to("probtensor").as_posix()
    unknown = changed_globals(source.tree(path)) - KNOWN_STATE.get(name, {}).keys()
    assert not unknown, f"{path}: functions change the module-level {sorted(unknown)}"


def test_known_state_is_still_there():
    for name, tables in KNOWN_STATE.items():
        path = source.ROOT / "probtensor" / name
        if path.exists():
            assert tables.keys() <= changed_globals(source.tree(path.relative_to(source.ROOT)))


KIND_NAMES = {
    "Elementwise", "Reduction", "View", "Join", "Scatter", "Contraction", "Core", "Composite"
}  # fmt: skip


def asks_for_a_kind(call):
    """Whether a call is `isinstance(op, <kind>)`."""
    if not (isinstance(call, ast.Call) and getattr(call.func, "id", "") == "isinstance"):
        return False
    return any(getattr(part, "id", getattr(part, "attr", "")) in KIND_NAMES
               for part in ast.walk(call.args[1]))  # fmt: skip


def asks_for_a_name(node):
    """Whether a node compares `op.name`, or `task.kind`, with something."""
    if not isinstance(node, ast.Compare):
        return False
    sides = [side for side in (node.left, *node.comparators) if isinstance(side, ast.Attribute)]
    owners = {(getattr(s.value, "id", getattr(s.value, "attr", "")), s.attr) for s in sides}
    return bool(owners & {("op", "name"), ("task", "kind")})


@by_path
def test_only_kinds_know_kinds(path):
    """Fusion, loops and plans ask the kind of an op; what kind it is decides nothing there."""
    layer = layer_of(source.module_name(path))
    if layer in ("ops", "rules") or path.match("lower/kinds/*"):
        return
    nodes = source.nodes(path)
    named = [node.lineno for node in nodes if asks_for_a_name(node)]
    kinds = [node.lineno for node in nodes if asks_for_a_kind(node)] if layer == "lower" else []
    assert not named and not kinds, f"{path}: lines {named + kinds} ask for the kind of an op"

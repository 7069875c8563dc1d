"""The table of all ops, docs/ops.md, which `make docs` writes.

What it says is found by asking the ops: types by making nodes of their samples in other dtypes,
derivatives by taking them, batching by `batched`, targets by what is there for each of them.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable

import probtensor.fft
import probtensor.ode
import probtensor.optimize
import probtensor.sparse  # noqa: F401 - the ops of these
from cython_ext.scipy_special import is_scipy
from probtensor import ops
from probtensor.export.parts import OF_LAPACK, ROUTINES
from probtensor.graph.node import GraphError, make, new_input
from probtensor.ops.kinds import REGISTRY, Core, Kind, Observing
from probtensor.targets.cuda.recipes import RECIPES
from probtensor.testing.conform import Case, cases_of
from probtensor.transform.autodiff import pull_back
from probtensor.transform.facts import constant_of

DTYPES = ("bool", "int64", "float32", "float64")
ORDERS = 3
COLUMNS = (
    "| Op | What it gives | Dtypes | Derivatives | Batched | CUDA | C |",
    "|---|---|---|---|---|---|---|",
)
HEAD = """\
# Ops

Every op of the language, generated from the ops themselves by `make docs`. Functions that are
graphs of these ops (`pt.var`, `pt.linalg.solve`, ...) have what their ops have.

- *Dtypes*: what a node of the op takes; functions convert other operands where NumPy does. `all`:
  bool, all integers, float32, float64; `floats`: float32, float64.
- *Derivatives*: in reverse and forward mode; `any`: of any order (the third is taken here), else up
  to which. `0`: it is 0 wherever it exists.
- *Batched*: by `pt.vmap` and over leading axes.
- *CPU*: every op runs on the targets "cython" and "machine", with equal bits, and on "interp".
- *CUDA*: `kernel`: part of the device's kernels; `library`: by cuSOLVER, cuBLAS or cuFFT, if it is
  installed and the matrices are large enough, or many; else, and for `host`, it runs on the host,
  with its operands and results transferred. `kernel, library`: large ones by a library.
- *C*: in exports to C: `yes`; `LAPACK`: if it is linked with LAPACK; `no`: it is computed by a
  library of SciPy, which an export does without (transforms by one of C++).
"""


def table(derivatives_of: Callable[[type[Kind]], str] | None = None) -> str:
    """The text of docs/ops.md. `derivatives_of` gives a cell of that column, for tests."""
    groups: dict[str, list[type[Kind]]] = {}
    for op_class in REGISTRY.values():
        if op_class.__module__.startswith("probtensor."):
            topic = op_class.__module__.removeprefix("probtensor.").removeprefix("ops.")
            groups.setdefault(topic.split(".")[0], []).append(op_class)
    parts = [HEAD]
    for topic, found in sorted(groups.items()):
        parts += [f"\n## {topic}\n", *COLUMNS]
        parts += [
            _row(op_class, derivatives_of or derivatives)
            for op_class in sorted(found, key=lambda kind: kind.name)
        ]
    return "\n".join(parts) + "\n"


def _row(op_class: type[Kind], derivatives_of: Callable[[type[Kind]], str]) -> str:
    cells = (
        _names(op_class), _gives(op_class), _dtypes(op_class), derivatives_of(op_class),
        _batched(op_class),
        _on_device(op_class), _in_c(op_class),
    )  # fmt: skip
    return f"| {' | '.join(cells)} |"


def _batched(op_class: type[Kind]) -> str:
    if not any(case.inputs for case in cases_of(op_class)):
        return "no operands"
    return "yes" if op_class.batched is not Kind.batched else "no"


def _names(op_class: type[Kind]) -> str:
    """The name of the op, and those of `pt` that are it."""
    public = [
        name for name, value in vars(ops).items()
        if isinstance(value, op_class) and getattr(value, "for_users", False)
    ]  # fmt: skip
    names = sorted(dict.fromkeys([op_class.name, *public]), key=lambda name: name != op_class.name)
    return ", ".join(f"`{name}`" for name in names)


def _gives(op_class: type[Kind]) -> str:
    """The first sentence of its documentation."""
    text = " ".join((op_class.__doc__ or "").split("\n\n")[0].split())
    sentence = text.split(". ")[0].rstrip(".")
    return textwrap.shorten(sentence, 110, placeholder=" ...").replace("|", "\\|")


def _dtypes(op_class: type[Kind]) -> str:
    """The dtypes of which it takes all its float operands, or all its operands."""
    found = [dtype for dtype in DTYPES if _takes(op_class, dtype)]
    if len(found) == len(DTYPES):
        return "all"
    if found == ["float32", "float64"]:
        return "floats"
    return ", ".join(found) or "its own"


def _takes(op_class: type[Kind], dtype: str) -> bool:
    for case in cases_of(op_class):
        floats = any(x.type.is_float for x in case.inputs)
        given = [x for x in case.inputs if x.type.is_float or not floats]
        nodes = [new_input(None, dtype if x in set(given) else x.dtype, x.shape)
                 for x in case.inputs]  # fmt: skip
        try:
            make(case.op, nodes)
        except (TypeError, ValueError):
            continue
        return True
    return False


def derivatives(op_class: type[Kind]) -> str:
    """The order of derivatives that it has, or why it has none."""
    cases = list(cases_of(op_class))
    if not op_class.differentiable and op_class.no_derivative:
        return f"none: {op_class.no_derivative}"
    if not any(case.output.type.is_float for case in cases):
        return "none: no floats"
    orders = [_order(case) for case in cases if case.output.type.is_float]
    return min(orders, key=lambda text: (text == "0", text))


def _order(case: Case) -> str:
    """How often one case can be differentiated."""
    floats = [x for x in case.inputs if x.type.is_float]
    current = [case.output]
    for order in range(ORDERS):
        try:
            found = pull_back(current, floats, [ops.exp(y) for y in current])
        except GraphError:
            return f"up to {order}" if order else "none"
        current = [g for g in found if constant_of(g) != 0]
        if not current:
            return "any" if order else "0"
    return "any"


def _of_scipy(op_class: type[Kind]) -> bool:
    return is_scipy(getattr(op_class, "c", None) or "")


def _on_device(op_class: type[Kind]) -> str:
    kernel = getattr(op_class, "device", True) and not _of_scipy(op_class)
    library = issubclass(op_class, Core) and op_class.routine in RECIPES
    return ", ".join(["kernel"] * kernel + ["library"] * library) or "host"


def _in_c(op_class: type[Kind]) -> str:
    if _of_scipy(op_class) or issubclass(op_class, Observing):
        return "no"
    if not issubclass(op_class, Core) or op_class.routine in ROUTINES:
        return "yes"
    return "LAPACK" if op_class.routine in OF_LAPACK else "no"

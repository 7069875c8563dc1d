"""Errors of calls of public functions: messages with the function and the user's line.

`public` marks a function that users call. An unknown keyword, a missing or a surplus argument is a
TypeError with the function, the argument, the signature and the user's line. The user's line is
added to errors raised inside that have none. A parameter of NumPy or SciPy that is meaningless here
is in the signature only to keep the positions of the others: `lacks` names those that accept only
their default.
"""

from __future__ import annotations

import functools
import inspect
import os
import re
import sys
import textwrap
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

import numpy as np

from probtensor.late import late

difflib = late("difflib")

# Directories of this library, whose frames are not the user's.
LIBRARY = os.path.dirname(os.path.abspath(__file__)) + os.sep
NATIVE = os.path.join(os.path.dirname(LIBRARY[:-1]), "cython_ext") + os.sep
# Other libraries that call this one when they are given tensors: their frames are not either.
# (Not asked of sysconfig, which takes longer than all of this module.)
_BESIDE_NUMPY = os.path.dirname(os.path.dirname(os.path.abspath(np.__file__)))
_PACKAGES = [x for x in sys.path if os.path.basename(x) in ("site-packages", "dist-packages")]
_SITES = tuple({f"{site}{os.sep}" for site in (_BESIDE_NUMPY, *_PACKAGES)})
_STANDARD = (os.path.dirname(os.__file__) + os.sep, "<frozen")
_THROUGH = tuple(
    f"{site}{name}{os.sep}" for site in _SITES for name in ("numpy", "scipy", "pandas", "xarray")
)
# The errors that wrong arguments cause. Those of sampling and building have complete messages.
WRONG = (TypeError, ValueError, IndexError, OverflowError, KeyError)
# Why a parameter of NumPy or SciPy accepts only its default, and what to use instead.
REASONS = {
    "out": "a tensor is never written to; use what {name} returns",
    "like": "the result is always a tensor of the graph",
    "device": "where arrays lie is decided by target= of pt.function and by .transfer(...)",
    "subok": "tensors have no subclasses",
    "order": "a tensor has no order in memory; .mT and pt.transpose exchange axes",
    "casting": "convert the arguments with .astype(...)",
    "copy": "a tensor is never written to, so it makes no difference who holds it",
    "check_finite": "values are not known while a graph is built; nan and inf reach the result",
    "dtype": "convert with .astype(...)",
    "where": "choose with pt.where(mask, value, other)",
    "mode": "target= of pt.function decides how a function is compiled",
    "profile": "f.profile(...) of a compiled function measures it",
    "allow_gc": "the memory of a function is laid out when it is compiled",
    "overwrite_input": "a tensor is never written to, so nothing is to be gained",
}
# Names of parameters in other libraries, with the names to suggest instead.
MEANT = {
    "loc": ("mu", "low"),
    "mean": ("mu",),
    "scale": ("sigma", "b", "s", "beta"),
    "sd": ("sigma",),
    "std": ("sigma",),
    "rate": ("lam", "beta", "mu"),
    "df": ("nu",),
    "size": ("shape", "draws"),
    "sample_shape": ("shape",),
    "probs": ("p",),
    "logits": ("logit_p",),
    "concentration": ("alpha",),
    "total_count": ("n",),
    "covariance_matrix": ("cov",),
    "dim": ("axis", "dims"),
    "axes": ("axis",),
    "keepdim": ("keepdims",),
    "correction": ("ddof",),
    "lower": ("upper",),
    "low": ("a_min", "min"),
    "high": ("a_max", "max"),
    **dict.fromkeys(("random_seed", "random_state", "rng", "rng_key"), ("seed",)),
    **dict.fromkeys(("samples", "num_samples", "n_samples", "iter_sampling"), ("draws",)),
    **dict.fromkeys(("warmup", "num_warmup", "n_warmup", "iter_warmup"), ("tune",)),
    **dict.fromkeys(("num_chains", "n_chains"), ("chains",)),
    **dict.fromkeys(("parallel_chains", "n_jobs"), ("cores",)),
    **dict.fromkeys(("adapt_delta", "delta", "target_accept_prob"), ("target_accept",)),
    **dict.fromkeys(("max_depth", "max_tree_depth"), ("max_treedepth",)),
    **dict.fromkeys(("progressbar", "progress_bar", "callback"), ("progress",)),
    **dict.fromkeys(("discard_tuned_samples", "save_warmup"), ("keep_warmup",)),
    **dict.fromkeys(("initvals", "start", "init", "inits", "initial_values"), ("init", "start")),
    **dict.fromkeys(("nuts_sampler", "step"), ("sampler",)),
    "trace": ("idata",),
    "var_names": ("outputs",),
}


# Keywords of other libraries, with what to write instead.
ADVICE = {
    "observed": "data are given by pt.condition({variable: data})",
    "obs": "data are given by pt.condition({variable: data})",
    "lower": "constraint=pt.interval(low, high) cuts a density",
    "upper": "constraint=pt.interval(low, high) cuts a density",
    "transform": "variables are transformed by themselves; constraint= says where they lie",
    "initval": "start values are given by init= of pt.sample",
    "testval": "start values are given by init= of pt.sample",
    "mode": "target= says how a function is compiled",
    "total_size": "it is given by pt.condition(..., total_size={variable: N})",
    "mutable": "all data may be exchanged, by posterior.with_data",
}


IMPORTER = "<frozen importlib._bootstrap>"
IMPORTED = ("<unknown>", 0)


def user_line() -> tuple[str, int]:
    """File and line of the innermost frame of the user's code: not of this library, and not of
    Python's or NumPy's code that was called with a tensor."""
    frame = sys._getframe(1)
    while frame is not None:
        file = frame.f_code.co_filename
        if file == IMPORTER:  # what is made while this library is imported is of no line
            return IMPORTED
        if is_users(file):
            return file, frame.f_lineno
        frame = frame.f_back
    return "<unknown>", 0


@functools.cache
def is_users(file: str) -> bool:
    """Whether a file is the user's: not of this library, Python's or NumPy's."""
    return not file.startswith((LIBRARY, NATIVE)) and not is_foreign(file)


@functools.cache
def is_foreign(file: str) -> bool:
    """Whether a file is of Python's standard library, or of another one that passes tensors on."""
    if file.startswith(_THROUGH):
        return True
    # Packages installed below the standard library count as the user's code.
    below = file.startswith(_SITES) or f"{os.sep}dist-packages{os.sep}" in file
    return file.startswith(_STANDARD) and not below


def public(
    function: Callable | None = None, *, lacks: Sequence[str] = (), name: str | None = None
) -> Callable:
    """Decorator: a function (or a class, by its `__init__`) that users call, by the name `name` or
    its own. The parameters `lacks` accept only their defaults."""
    if function is None:
        return functools.partial(public, lacks=lacks, name=name)
    if isinstance(function, type):
        function.__init__ = public(function.__init__, lacks=lacks, name=name or function.__name__)
        return function
    label = name or function.__name__
    # Fewer positional arguments than this cannot contain a lacking parameter.
    safe = _safe_positions(function, lacks) if lacks else 0

    @functools.wraps(function)
    def call(*args: object, **kwargs: object) -> object:
        try:
            if lacks and (kwargs or len(args) > safe):
                _refuse_lacking(function, label, lacks, args, kwargs)
            return function(*args, **kwargs)
        except WRONG as error:
            if isinstance(error, TypeError) and error.__traceback__.tb_next is None:
                raise TypeError(wrong_call(function, label, args, kwargs, str(error))) from None
            add_line(error, label)
            raise

    call.for_users = True
    return call


def is_public(value: object) -> bool:
    """Whether a value is marked as a function for users."""
    return not isinstance(value, type) and getattr(value, "for_users", False)


MAX_LISTED = 40  # names of a module in a message


def absent(
    module: str,
    names: Mapping[str, object],
    others: Callable[[], Mapping[str, Sequence[str]]] = dict,
    reasons: Mapping[str, str] = MappingProxyType({}),
) -> Callable[[str], object]:
    """The `__getattr__` of a public module: an AttributeError that suggests similar names of the
    module, or the same name in `others()`, which maps modules to their names; for a name of another
    library in `reasons`, why it is none here."""

    def get(name: str) -> object:
        if name.startswith("_"):
            raise AttributeError(f"module {module} has no attribute {name!r}")
        if name in reasons:
            reason = reasons[name].replace("NAME", name)
            text = f"{module} has no {name!r}: {reason}\n  at {line_text()}"
            raise AttributeError(text, name=name)
        bare = {own.replace("_", ""): own for own in names if not own.startswith("_")}
        sought = name.lower().replace("_", "")
        paths = {f"{other}.{n}" for other, found in others().items() for n in found}
        exact = [path for path in paths if path.split(".")[-1].replace("_", "") == sought]
        close = [f"{module}.{bare[k]}" for k in difflib.get_close_matches(sought, bare, 1, 0.75)]
        hint = f": did you mean {[*exact, *close][0]}?" if exact or close else ""
        all_names = textwrap.fill(", ".join(bare.values()), 90, subsequent_indent="    ")
        listed = f"\n  it has {all_names}" if len(bare) <= MAX_LISTED else ""
        text = f"{module} has no {name!r}{hint}\n  at {line_text()}{listed}"
        raise AttributeError(text, name=name)

    get.names = tuple(names)
    return get


def _safe_positions(function: Callable, lacks: Sequence[str]) -> int:
    code = inspect.unwrap(function).__code__
    parameters = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    return min(parameters.index(name) for name in lacks)


@functools.cache
def _signature(function: Callable) -> inspect.Signature:
    return inspect.signature(function)


def parameter_names(function: Callable, count: int) -> list[str]:
    """What to call the first `count` arguments of a function: by its parameters where it has them,
    else by their position."""
    try:
        found = list(_signature(function).parameters.values())
    except (TypeError, ValueError):  # a builtin function, or one that has no hash
        found = []
    named = [p.name for p in found if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    return [*named, *(f"argument{k}" for k in range(len(named), count))][:count]


def _refuse_lacking(
    function: Callable, label: str, lacks: Sequence[str], args: Sequence, kwargs: Mapping
) -> None:
    signature = _signature(function)
    try:
        given = signature.bind(*args, **kwargs).arguments
    except TypeError:
        return  # the call itself raises
    for name in lacks:
        default = signature.parameters[name].default
        if name in given and not _is_default(given[name], default):
            raise TypeError(refusal(label, name))


def _is_default(value: object, default: object) -> bool:
    plain = isinstance(value, (bool, str)) and isinstance(default, (bool, str))
    return value is default or (plain and value == default)


def refusal(label: str, parameter: str) -> str:
    """The message about a parameter that accepts only its default."""
    reason = REASONS.get(parameter, "it has no meaning here").format(name=label)
    return f"{label}: {parameter}= is not supported: {reason}\n  at {line_text()}"


def line_text() -> str:
    """The user's present line, as file:line."""
    file, line = user_line()
    return f"{file}:{line}"


def add_line(error: Exception, label: str) -> None:
    """Add the function and the user's line to a message of the library that has no line.

    Errors raised by the user's code (a function given to `vmap`, an `__array__`) are not changed.
    """
    trace = error.__traceback__
    while trace is not None:
        if not trace.tb_frame.f_code.co_filename.startswith((LIBRARY, NATIVE, "cython_ext")):
            return
        trace = trace.tb_next
    if len(error.args) != 1 or not isinstance(error.args[0], str) or type(error) is KeyError:
        return
    head, *rest = error.args[0].split("\n")
    outer = outermost_call(label)
    if head.startswith(f"{label}: "):
        head = outer + head[len(label) :]
    if re.search(r"\bat .+:\d+", error.args[0]):
        error.args = ("\n".join([head, *rest]),)
        return
    head = head if re.match(r"\S+: ", head) or outer in head else f"{outer}: {head}"
    error.args = ("\n".join([head, f"  at {line_text()}", *rest]),)


def outermost_call(label: str) -> str:
    """The name of the public function that the user called, where that calls others or makes nodes;
    `label` where the user's code is the caller."""
    frame = sys._getframe(1)
    while frame is not None:
        file = frame.f_code.co_filename
        if is_users(file):
            break
        if file == __file__ and frame.f_code.co_name == "call":
            label = frame.f_locals["label"]
        frame = frame.f_back
    return label


def wrong_call(
    function: Callable, label: str, args: Sequence, kwargs: Mapping, otherwise: str
) -> str:
    """The message about arguments that do not fit the signature of a function, in three lines.

    `otherwise` is Python's message, for faults that are not found here.
    """
    signature = inspect.signature(function)
    kinds = inspect.Parameter
    parameters = list(signature.parameters.values())
    if parameters and parameters[0].name == "self":
        parameters, args = parameters[1:], args[1:]
    named = [p.name for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
    ordered = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    unknown = [key for key in kwargs if key not in named]
    taken = {p.name for p in ordered[: len(args)]}
    twice = [key for key in kwargs if key in taken]
    missing = [
        p.name
        for p in parameters
        if p.default is kinds.empty
        and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)
        and p.name not in taken
        and p.name not in kwargs
    ]
    if unknown:
        wrong = f"no argument {unknown[0]!r}{_hint(unknown[0], named)}"
    elif twice:
        wrong = f"argument {twice[0]!r} is given twice"
    elif missing:
        wrong = f"argument {missing[0]!r} is missing"
    elif len(args) > len(ordered):
        wrong = _surplus(len(args), ordered, named)
    else:
        wrong = otherwise
    text = next((x for x in args if isinstance(x, str)), None)
    if text is not None and "name" in named and "name" not in taken and not unknown:
        wrong += f"; a name is given as name={text!r:.40}"
    return f"{label}: {wrong}\n  at {line_text()}\n  it takes {call_text(signature, label)}"


def _hint(unknown: str, names: Sequence[str]) -> str:
    found = [name for name in MEANT.get(unknown, ()) if name in names]
    found = found or difflib.get_close_matches(unknown, names, 1)
    if found:
        return f": did you mean {found[0]!r}?"
    return f": {ADVICE[unknown]}" if unknown in ADVICE else ""


def _surplus(count: int, ordered: Sequence[inspect.Parameter], named: Sequence[str]) -> str:
    positional = ", ".join(p.name for p in ordered)
    by_name = [name for name in named if name not in {p.name for p in ordered}]
    text = f"{count} arguments by position, where it has {len(ordered)}"
    text += f" ({positional})" if positional else ""
    return text + (f"; {', '.join(by_name)} go by name" if by_name else "")


def call_text(signature: inspect.Signature, label: str) -> str:
    """A call by this signature, without types."""
    bare = [p.replace(annotation=p.empty) for p in signature.parameters.values()]
    bare = [p for p in bare if p.name != "self"]
    # A default that is only a sentinel is not shown.
    return label + re.sub(r"<object object at \w+>", "...", str(inspect.Signature(bare)))

"""What every public function does with a call that is wrong: it names the call, and the line.

`public` marks a function that users call. An unknown keyword, a missing or a surplus argument is a
TypeError with the function, the argument, what the function takes and the user's line. An error
from inside that names no line gets it. A parameter that NumPy or SciPy has and that has no meaning
here stands in the signature for the sake of its place: named in `lacks`, it takes its default only.
"""

from __future__ import annotations

import difflib
import functools
import inspect
import os
import re
import sys
import sysconfig
import textwrap
from collections.abc import Callable, Mapping, Sequence

# Directories whose frames are never "the user's line".
HOUSE = os.path.dirname(os.path.abspath(__file__)) + os.sep
NATIVE = os.path.join(os.path.dirname(HOUSE[:-1]), "cython_ext") + os.sep
# Libraries through which a call may come back to us: their lines are not the user's either.
_PATHS = sysconfig.get_paths()
_SITES = tuple({_PATHS["purelib"] + os.sep, _PATHS["platlib"] + os.sep})
_STANDARD = (_PATHS["stdlib"] + os.sep, "<frozen")
_THROUGH = tuple(
    f"{site}{name}{os.sep}" for site in _SITES for name in ("numpy", "scipy", "pandas", "xarray")
)
# What can come out of a wrong argument. Errors of sampling or building say all they know.
WRONG = (TypeError, ValueError, IndexError, OverflowError, KeyError)
# Why a parameter of NumPy or SciPy takes its default only, and what to do.
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
    "return_sign": "take the sign of a sum separately, with pt.sign",
}
# Names that other libraries give to a parameter: what is offered where they are used.
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
    **dict.fromkeys(("initvals", "start", "inits", "initial_values"), ("init",)),
    **dict.fromkeys(("nuts_sampler", "step"), ("sampler",)),
    "trace": ("idata",),
    "var_names": ("outputs",),
}


# What other libraries take as a keyword and is asked for elsewhere here.
ADVICE = {
    "observed": "data are given by pt.condition({variable: data})",
    "obs": "data are given by pt.condition({variable: data})",
    "lower": "constraint=pt.interval(low, high) cuts a density",
    "upper": "constraint=pt.interval(low, high) cuts a density",
    "transform": "variables are transformed by themselves; constraint= says where they lie",
    "initval": "start values are given by init= of pt.sample",
    "testval": "start values are given by init= of pt.sample",
    "mode": "target= says how a function is compiled",
    "mutable": "all data may be exchanged, by posterior.with_data",
}


def user_line() -> tuple[str, int]:
    """File and line of the innermost running frame that is the user's: not this library's, nor one
    of Python's or NumPy's that was called with a tensor."""
    frame = sys._getframe(1)
    while frame is not None:
        file = frame.f_code.co_filename
        if not file.startswith((HOUSE, NATIVE)) and not is_foreign(file):
            return file, frame.f_lineno
        frame = frame.f_back
    return "<unknown>", 0


@functools.cache
def is_foreign(file: str) -> bool:
    """Is this a file of Python's own library, or of one that passes tensors on?"""
    if file.startswith(_THROUGH):
        return True
    # Packages may be installed below the standard library: theirs are users' files.
    below = file.startswith(_SITES) or f"{os.sep}dist-packages{os.sep}" in file
    return file.startswith(_STANDARD) and not below


def public(
    function: Callable | None = None, *, lacks: Sequence[str] = (), name: str | None = None
) -> Callable:
    """Decorator: a function (or a class, by its `__init__`) that users call, under its own name or
    `name`. The parameters `lacks` take their defaults only."""
    if function is None:
        return functools.partial(public, lacks=lacks, name=name)
    if isinstance(function, type):
        function.__init__ = public(function.__init__, lacks=lacks, name=name or function.__name__)
        return function
    label = name or function.__name__
    # Positional arguments up to here need no look at what is lacking.
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
    """Does this say of itself that it is a function for users?"""
    return not isinstance(value, type) and getattr(value, "for_users", False)


MOST_LISTED = 40  # names of a module in a message


def absent(
    module: str, names: Mapping[str, object], others: Mapping[str, Sequence[str]] | None = None
) -> Callable[[str], object]:
    """The `__getattr__` of a public module: what it says of a name that it does not have, where
    `others` may have it."""

    def get(name: str) -> object:
        if name.startswith("_"):
            raise AttributeError(f"module {module} has no attribute {name!r}")
        bare = {known.replace("_", ""): known for known in names if not known.startswith("_")}
        sought = name.lower().replace("_", "")
        places = {f"{at}.{known}" for at, there in (others or {}).items() for known in there}
        exact = [place for place in places if place.split(".")[-1].replace("_", "") == sought]
        close = [f"{module}.{bare[k]}" for k in difflib.get_close_matches(sought, bare, 1, 0.75)]
        hint = f": did you mean {[*exact, *close][0]}?" if exact or close else ""
        all_names = textwrap.fill(", ".join(bare.values()), 90, subsequent_indent="    ")
        listed = f"\n  it has {all_names}" if len(bare) <= MOST_LISTED else ""
        text = f"{module} has no {name!r}{hint}\n  at {line_text()}{listed}"
        raise AttributeError(text, name=name)

    get.names = tuple(names)
    return get


def _safe_positions(function: Callable, lacks: Sequence[str]) -> int:
    places = list(inspect.signature(function).parameters)
    return min(places.index(name) for name in lacks)


@functools.cache
def _signature(function: Callable) -> inspect.Signature:
    return inspect.signature(function)


def _refuse_lacking(
    function: Callable, label: str, lacks: Sequence[str], args: Sequence, kwargs: Mapping
) -> None:
    signature = _signature(function)
    try:
        given = signature.bind(*args, **kwargs).arguments
    except TypeError:
        return  # the call itself says what is wrong
    for name in lacks:
        default = signature.parameters[name].default
        if name in given and not _is_default(given[name], default):
            raise TypeError(refusal(label, name))


def _is_default(value: object, default: object) -> bool:
    plain = isinstance(value, (bool, str)) and isinstance(default, (bool, str))
    return value is default or (plain and value == default)


def refusal(label: str, parameter: str) -> str:
    """The message about a parameter that takes its default only."""
    reason = REASONS.get(parameter, "it has no meaning here").format(name=label)
    return f"{label}: {parameter}= is not supported: {reason}\n  at {line_text()}"


def line_text() -> str:
    """The user's line that is being run, as file:line."""
    file, line = user_line()
    return f"{file}:{line}"


def add_line(error: Exception, label: str) -> None:
    """Put the function and the user's line into a message of the library that names no line.

    Errors that come out of the user's own code (a function given to `vmap`, an `__array__`) stay as
    they are.
    """
    trace = error.__traceback__
    while trace is not None:
        if not trace.tb_frame.f_code.co_filename.startswith((HOUSE, NATIVE, "cython_ext")):
            return
        trace = trace.tb_next
    if len(error.args) != 1 or not isinstance(error.args[0], str) or type(error) is KeyError:
        return
    head, *rest = error.args[0].split("\n")
    outer = _outermost(label)
    if head.startswith(f"{label}: "):
        head = outer + head[len(label) :]
    if re.search(r"\bat .+:\d+", error.args[0]):
        error.args = ("\n".join([head, *rest]),)
        return
    head = head if re.match(r"\S+: ", head) or outer in head else f"{outer}: {head}"
    error.args = ("\n".join([head, f"  at {line_text()}", *rest]),)


def _outermost(label: str) -> str:
    """The name of the public function that the user called, where that calls others."""
    frame = sys._getframe(2)
    while frame is not None:
        file = frame.f_code.co_filename
        if not file.startswith((HOUSE, NATIVE)) and not is_foreign(file):
            break
        if file == __file__ and frame.f_code.co_name == "call":
            label = frame.f_locals["label"]
        frame = frame.f_back
    return label


def wrong_call(
    function: Callable, label: str, args: Sequence, kwargs: Mapping, otherwise: str
) -> str:
    """What is wrong with a call that a function cannot be called with, in three lines."""
    signature = inspect.signature(function)
    kinds = inspect.Parameter
    places = list(signature.parameters.values())
    if places and places[0].name == "self":
        places, args = places[1:], args[1:]
    named = [p.name for p in places if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
    ordered = [p for p in places if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    unknown = [key for key in kwargs if key not in named]
    taken = {p.name for p in ordered[: len(args)]}
    twice = [key for key in kwargs if key in taken]
    missing = [
        p.name
        for p in places
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
    own = ", ".join(p.name for p in ordered)
    by_name = [name for name in named if name not in {p.name for p in ordered}]
    text = f"{count} arguments by position, where it has {len(ordered)}"
    text += f" ({own})" if own else ""
    return text + (f"; {', '.join(by_name)} go by name" if by_name else "")


def call_text(signature: inspect.Signature, label: str) -> str:
    """The signature as it is called, without types."""
    bare = [p.replace(annotation=p.empty) for p in signature.parameters.values()]
    bare = [p for p in bare if p.name != "self"]
    # A default that only marks what was not given says nothing.
    return label + re.sub(r"<object object at \w+>", "...", str(inspect.Signature(bare)))

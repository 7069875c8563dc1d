"""The signatures of functions that bear a name of NumPy or SciPy are theirs, or say why not."""

import inspect
import types

import numpy as np
import pytest
import scipy.linalg
import scipy.special

import probtensor as pt
from probtensor.graph.node import METHODS

EMPTY = inspect.Parameter.empty
POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
# Functions that share a name and nothing else.
OTHERS = {
    "jvp": "the Jacobian times a vector; scipy.special.jvp is a derivative of a Bessel function",
    "matrix": "an input with two axes, as in Theano; numpy.matrix is a class",
    "vectorize": "PyTensor's, of a function of tensors; numpy.vectorize is a class for loops",
    "linalg.matvec": "numpy.linalg has none; numpy.matvec is compared in the flat namespace",
}
# (function, parameter) whose place, name or default differs, each with the reason.
DIFFERENT = {
    **{
        (name, "check_finite"): "no values while a graph is built: only False can be"
        for name in (
            "solve_triangular", "cho_solve", "lu", "lu_factor", "schur", "qz", "cho_factor",
            "lu_solve", "solve_banded", "solveh_banded", "ordqz", "cholesky_banded",
            "cho_solve_banded", "eig_banded", "eigvals_banded", "eigh_tridiagonal",
            "eigvalsh_tridiagonal", "solve_toeplitz", "hessenberg", "rq", "pinvh", "expm_frechet",
            "orthogonal_procrustes",
        )
    },
    ("solve_continuous_are", "balanced"): "the pencil is not balanced before it is ordered",
    ("solve_discrete_are", "balanced"): "the pencil is not balanced before it is ordered",
    ("sqrtm", "disp"): "a parameter that SciPy is about to remove",
    ("sqrtm", "blocksize"): "a parameter that SciPy is about to remove",
    ("logm", "disp"): "a parameter that SciPy is about to remove",
    ("signm", "disp"): "a parameter that SciPy is about to remove",
    ("einsum", "operands"): "the subscripts are a parameter of their own, and always come first",
    ("einsum", "kwargs"): "dtype=, order= and casting= stand in the signature",
    ("factorial", "exact"): "the result is gamma(n + 1) of floats, as Theano has it",
    ("factorial", "extend"): "the result is gamma(n + 1), below 0 too, as Theano has it",
    ("clip", "kwargs"): "keywords of ufuncs, which write to arrays",
    ("softplus", "kwargs"): "keywords of ufuncs, which write to arrays",
    ("pad", "kwargs"): "the values of all modes stand in the signature",
}
SPACES = {
    "": (pt, (np, np.linalg, scipy.special, scipy.linalg)),
    "linalg.": (pt.linalg, (np.linalg, scipy.linalg)),
    "special.": (pt.special, (scipy.special,)),
}


def twins():
    """(name, function, NumPy's or SciPy's of that name)."""
    for prefix, (space, peers) in SPACES.items():
        for name in space.__all__:
            ours = getattr(space, name)
            found = [getattr(m, name) for m in peers if callable(getattr(m, name, None))]
            theirs = found[0] if found else None
            plain = callable(ours) and not isinstance(ours, (type, types.ModuleType))
            if theirs is not None and plain and prefix + name not in OTHERS:
                yield prefix + name, ours, theirs


TWINS = list(twins())


def signature_of(function):
    """The signature, of a ufunc with its operands alone; None where C code does not tell."""
    if isinstance(function, np.ufunc):
        only = inspect.Parameter.POSITIONAL_ONLY
        return inspect.Signature(
            [inspect.Parameter(f"x{k + 1}", only) for k in range(function.nin)]
        )
    try:
        return inspect.signature(function)
    except ValueError:
        return None


def same_default(ours, theirs):
    """Are two defaults the same for the caller? NumPy marks "not given" by an object of its own."""
    if theirs is EMPTY or ours is EMPTY:
        return ours is theirs
    if repr(theirs) == "<no value>":
        return ours is None or ours is False
    if theirs in (float, int):
        return ours == {float: "float64", int: "int64"}[theirs]
    return ours == theirs and type(ours) is type(theirs)


def differences(ours, theirs):
    """What a call by the second signature may find otherwise in the first: (parameter, what)."""
    mine = list(ours.parameters.values())
    names = {p.name: p for p in mine}
    for position, their in enumerate(theirs.parameters.values()):
        if their.kind is their.VAR_KEYWORD:
            if not any(p.kind is p.VAR_KEYWORD for p in mine):
                yield their.name, "keywords of any name"
        elif their.kind is their.VAR_POSITIONAL:
            if not any(p.kind is p.VAR_POSITIONAL for p in mine[position : position + 1]):
                yield their.name, "any number by position"
        elif their.kind is their.KEYWORD_ONLY:
            our = names.get(their.name)
            if our is None or our.kind is our.POSITIONAL_ONLY:
                yield their.name, "is missing"
            elif our.kind in POSITIONAL:
                extra = mine.index(our)
                if extra < len([p for p in theirs.parameters.values() if p.kind in POSITIONAL]):
                    yield their.name, "stands in the place of another"
            if our is not None and not same_default(our.default, their.default):
                yield their.name, f"default {our.default!r}, not {their.default!r}"
        else:
            our = mine[position] if position < len(mine) else None
            if our is None or our.kind not in POSITIONAL:
                yield their.name, "has no place"
            elif their.kind is not their.POSITIONAL_ONLY and our.name != their.name:
                yield their.name, f"is called {our.name}"
            elif not same_default(our.default, their.default):
                yield their.name, f"default {our.default!r}, not {their.default!r}"


@pytest.mark.parametrize("name,ours,theirs", TWINS, ids=[name for name, _, _ in TWINS])
def test_signature_is_that_of_the_namesake(name, ours, theirs):
    wanted = signature_of(theirs)
    if wanted is None:
        pytest.skip("written in C, without a signature")
    bare = name.rpartition(".")[2]
    found = [
        f"{parameter}: {what}"
        for parameter, what in differences(inspect.signature(ours), wanted)
        if (name, parameter) not in DIFFERENT and (bare, parameter) not in DIFFERENT
    ]
    assert not found, f"{name}{inspect.signature(ours)} is not {wanted}: {'; '.join(found)}"


def test_exceptions_are_needed_and_reasoned():
    found_by_name = {}
    for name, ours, theirs in TWINS:
        wanted = signature_of(theirs)
        found = {p for p, _ in differences(inspect.signature(ours), wanted)} if wanted else set()
        found_by_name[name] = found
    for (name, parameter), reason in DIFFERENT.items():
        assert parameter in found_by_name[name], f"{name} has {parameter} as its namesake has it"
        assert len(reason) > 20
    assert len(TWINS) > 150


def public_functions():
    """(name, function) for everything that users call by a name of `pt`."""
    for prefix, space in (("", pt), ("linalg.", pt.linalg), ("special.", pt.special)):
        for name in space.__all__:
            value = getattr(space, name)
            if callable(value) and not isinstance(value, (type, types.ModuleType)):
                yield prefix + name, value
    for name, value in vars(pt.random).items():
        our = inspect.isfunction(value) and value.__module__ == pt.random.__name__
        if our and "shape" in inspect.signature(value).parameters:
            yield f"random.{name}", value
    yield from ((name, getattr(pt, name)) for name in ("In", "Out", "Cuda"))


FUNCTIONS = list(public_functions())


@pytest.mark.parametrize("name,function", FUNCTIONS, ids=[name for name, _ in FUNCTIONS])
def test_a_wrong_keyword_is_answered(name, function):
    """Nothing is ignored: the message names the function, the keyword, what there is, the line."""
    if name == "vmap":
        function = lambda **given: pt.vmap(pt.exp, **given)  # noqa: E731
    with pytest.raises(TypeError) as caught:
        function(nonsense=1)
    text = str(caught.value)
    assert "'nonsense'" in text and "it takes" in text, text
    assert "test_signatures.py:" in text and len(text.splitlines()) <= 8, text
    assert "<object" not in text, text


PLAIN = sorted(name for name, f in METHODS.items() if not isinstance(f, property))


@pytest.mark.parametrize("name", PLAIN)
def test_a_wrong_keyword_of_a_method_is_answered(name):
    where = r"\n  at .*test_signatures.py"
    named = f"({name}|{METHODS[name].__name__})"  # a function of two names says its own
    with pytest.raises(TypeError, match=rf"{named}: no argument 'axsi'.*{where}"):
        getattr(pt.matrix("x"), name)(axsi=1)


HELD = {
    pt.Posterior: ["with_data", "constrain", "unconstrain", "expand", "batched", "diagnose"],
    pt.Function: ["explain", "bind", "copy", "seed"],
    pt.Shared: ["get_value", "set_value"],
}


@pytest.mark.parametrize("kind", HELD, ids=lambda kind: kind.__name__)
def test_a_wrong_keyword_of_what_functions_return_is_answered(kind):
    for name in HELD[kind]:
        with pytest.raises(TypeError, match=rf"{name}: no argument 'nonsense'.*\n  at .*test_sig"):
            getattr(kind, name)(None, nonsense=1)


@pytest.mark.parametrize("wrong", ["set", "add", "multiply", "max", "min"])
def test_a_wrong_keyword_of_at_is_answered(wrong):
    with pytest.raises(TypeError, match=rf"x.at\[key\].{wrong}: no argument 'valu'.*did you mean"):
        getattr(pt.vector("x").at[0], wrong)(valu=1)


LAWS = [(f"random.{name}", getattr(pt.random, name)) for name in pt.random.__all__]


@pytest.mark.parametrize("name,law", LAWS, ids=[name for name, _ in LAWS])
def test_what_follows_the_parameters_of_a_distribution_goes_by_name(name, law):
    kinds = {p.name: p.kind for p in inspect.signature(law).parameters.values()}
    for word in ("shape", "name", "dims", "constraint"):
        assert kinds.get(word, inspect.Parameter.KEYWORD_ONLY) is inspect.Parameter.KEYWORD_ONLY
    count = sum(kind in POSITIONAL for kind in kinds.values())
    assert len(LAWS) > 50
    if inspect.Parameter.VAR_POSITIONAL in kinds.values():
        return  # it takes any number of parameters
    with pytest.raises(TypeError, match=r"arguments by position.*\n  at .*test_signatures.py"):
        law(*[1.0] * count, 5)

"""Every public name says what users need: a signature, what it returns and raises, an example.

The examples are run as doctests, with `pt` and `np`, by the interpreter.
"""

import doctest
import inspect
import math
import pydoc
import re
import types

import numpy as np
import pytest
from scipy import special

import probtensor as pt
from tests.prob.distributions import DISTRIBUTIONS

MODULES = {
    "pt": pt,
    "pt.autodiff": pt.autodiff,
    "pt.basis": pt.basis,
    "pt.bijectors": pt.bijectors,
    "pt.debug": pt.debug,
    "pt.fft": pt.fft,
    "pt.gp": pt.gp,
    "pt.hmm": pt.hmm,
    "pt.linalg": pt.linalg,
    "pt.loop": pt.loop,
    "pt.nn": pt.nn,
    "pt.ode": pt.ode,
    "pt.optimize": pt.optimize,
    "pt.signal": pt.signal,
    "pt.sparse": pt.sparse,
    "pt.sparse.linalg": pt.sparse.linalg,
    "pt.special": pt.special,
    "pt.random": pt.random,
    "pt.timeseries": pt.timeseries,
}
# What needs a device, and so has no example that runs anywhere.
ON_DEVICES = {"pt.DeviceArray", "pt.device_array", "pt.stream"}
# What is not called, but indexed.
INDEXED = {"pt.mgrid", "pt.ogrid"}
# How a function's body refuses arguments: by itself, or by what reads axes, flags and counts.
REFUSALS = re.compile(r"\braise\b|\b(one_axis|listed_axes|one_integer|flag|described|matrices)\(")
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


def public_names():
    """{path: what it names}, once for each thing, modules, the version and numbers left out."""
    found = {}
    for module, home in MODULES.items():
        for name in home.__all__:
            value = getattr(home, name)
            if not isinstance(value, (types.ModuleType, str, float, type(None))):
                found.setdefault(id(value), (f"{module}.{name}", value))
    return dict(found.values())


NAMES = public_names()
# Users catch errors and make none.
USED = {
    path: value
    for path, value in NAMES.items()
    if not (isinstance(value, type) and issubclass(value, Exception))
}
CALLED = {path: value for path, value in USED.items() if not isinstance(value, type)}


def report(faults):
    assert not faults, "\n".join(faults)


def test_faces_list_what_they_have_and_nothing_twice():
    for module, home in MODULES.items():
        names = home.__all__
        assert sorted(set(names)) == sorted(names), module
        assert set(names) <= set(vars(home)), module
    assert len(CALLED) > 250 and "pt.exp" in CALLED


def test_every_name_has_documentation_of_its_own():
    inherited = {inspect.getdoc(kind) for kind in (object, type, Exception, TypeError, ValueError)}
    report([path for path, value in NAMES.items() if inspect.getdoc(value) in {None, *inherited}])


def test_every_name_has_a_signature():
    for path, value in USED.items():
        if path not in INDEXED:
            inspect.signature(value)


def test_help_prints_functions_and_no_machinery_of_classes():
    faults = []
    for path, value in CALLED.items():
        lines = pydoc.render_doc(value, renderer=pydoc.plaintext).split("\n")
        first = inspect.getdoc(value).split("\n")[0]
        headed = re.match(r"\w+( = .*)?\(", lines[2]) and first in "\n".join(lines[2:12])
        if not headed or len(lines) > 90 or "Methods inherited" in "\n".join(lines):
            faults.append(f"{path}: {len(lines)} lines, {lines[2]}")
    report(faults)


def test_functions_say_what_they_return():
    report([path for path, f in CALLED.items() if not re.search(r"\bReturns\b", f.__doc__)])


def test_functions_that_refuse_say_what_they_raise():
    faults = []
    for path, value in CALLED.items():
        function = inspect.unwrap(value)
        refuses = not isinstance(function, types.FunctionType) or REFUSALS.search(
            inspect.getsource(function).replace(function.__doc__ or "", "")
        )
        if refuses and not re.search(r"\bRaises\b", value.__doc__):
            faults.append(path)
    report(faults)


def test_examples_give_what_they_show(monkeypatch):
    monkeypatch.setenv("PROBTENSOR_TARGET", "interp")
    runner, parser, faults = doctest.DocTestRunner(optionflags=FLAGS), doctest.DocTestParser(), []
    for path, value in USED.items():
        text = inspect.getdoc(value)
        test = parser.get_doctest(text, {"pt": pt, "np": np}, path, None, None)
        if not test.examples and path not in ON_DEVICES:
            faults.append(f"{path}: no example")
        runner.run(test, out=faults.append)
    report(faults)


def moment(text, parameters):
    """The moment that a line of a distribution's documentation states for these parameters: None
    where it says that there is none, NameError where it is in other parameters."""
    formula, _, condition = text.partition(" for ")
    names = {
        **{name: getattr(math, name) for name in ("sqrt", "exp", "log", "sin", "pi")},
        **{name: getattr(math, name) for name in ("sinh", "cosh", "tanh")},
        **{name: getattr(special, name) for name in ("gamma", "i0e", "i1e", "exp1")},
        **parameters,
    }
    if formula.startswith("none") or (condition and not eval(condition, names)):
        return None
    return eval(formula, names)


def stated(function):
    lines = dict(re.findall(r"^(Mean|Variance): (.*)\.$", inspect.getdoc(function), flags=re.M))
    return lines["Mean"], lines["Variance"]


# A parameter of the parametrisation that the formulas are in; each univariate distribution has it
# among DISTRIBUTIONS.
IN_FORMULAS = {"bernoulli": "p", "binomial": "p", "beta": "alpha", "exponential": "lam",
               "gamma": "alpha", "negative_binomial": "alpha", "normal": "sigma"}  # fmt: skip


@pytest.mark.parametrize(
    "case",
    [case for case in DISTRIBUTIONS if IN_FORMULAS.get(case.name, "") in ("", *case.parameters)],
    ids=str,
)
def test_distributions_state_their_moments(case):
    mean, variance = stated(case.make)
    found = moment(mean, case.parameters)
    assert (found is None) == (not case.mean)
    if found is not None:
        np.testing.assert_allclose(found, case.scipy.mean(), rtol=1e-9)
    own = {"mean": case.scipy.mean()} if case.mean else {}
    found = moment(variance, {**case.parameters, **own})
    assert (found is None) == (not case.variance)
    if found is not None:
        np.testing.assert_allclose(found, case.scipy.var(), rtol=1e-9)


def test_every_distribution_gives_support_and_source():
    report([
        name
        for name in pt.random.__all__
        if name not in pt.random.RENAMED  # made of these, as the next
        and pt.random.WRITTEN.get(name) not in ("aliases", "choices")
        for part in ("Support: ", "Mean: ", "Variance: ", "Source: ")
        if part not in getattr(pt.random, name).__doc__
    ])  # fmt: skip

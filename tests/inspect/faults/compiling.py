"""Wrong derivatives, wrong rules, wrong kernels of one target, lost digits."""

import re

import numpy as np

import probtensor as pt
from probtensor.compile import meanings
from probtensor.ops.kinds import REGISTRY
from probtensor.targets.interp import InterpTarget
from probtensor.transform import rule, var
from tests.inspect.faults import fault

X = pt.vector("x")
V = var("v")


def with_gradient(function, slope):
    """A function whose derivative in reverse mode is slope(x) times the cotangent."""
    made = pt.custom_vjp(function)
    made.defvjp(lambda x: (function(x), x), lambda x, g: (slope(x) * g,))
    return made


def verified(model, point):
    """(lines, text) of the error of `verify_grad`."""
    try:
        pt.autodiff.verify_grad(model, [np.array(point)], target="machine")
    except pt.autodiff.GradientError as error:
        return re.findall(r"\S+\.py:\d+", str(error)), str(error)
    raise AssertionError("no wrong derivative was found")


@fault("derivative", "custom_vjp")
def wrong_factor():
    square = with_gradient(lambda x: x**2, lambda x: 2.1 * x)

    def model(x):
        y = square(pt.exp(x))  # here
        return pt.log(y + 1.0)

    return verified(model, [0.1, 0.2])


@fault("derivative", "custom_vjp")
def wrong_sign():
    tanh = with_gradient(pt.tanh, lambda x: pt.tanh(x) ** 2 - 1.0)
    return verified(lambda x: pt.exp(tanh(x * 2.0)), [0.3, -0.2])  # here


@fault("derivative", "custom_vjp")
def wrong_in_a_loop():
    sigmoid = with_gradient(pt.sigmoid, pt.sigmoid)

    def model(x):
        def step(v, c):
            return sigmoid(c) * v  # here

        return pt.scan(step, sequences=[x], outputs_info=[pt.as_tensor(0.5)])[0]

    return verified(model, [0.1, 0.7, 0.3])


def slopes_of(term, shape=2):
    """(line, text) of a posterior whose density has a term."""
    x = pt.random.normal(0.0, 1.0, name="x", shape=shape)
    report = pt.condition({}, potentials=[term(x)]).check_gradient(np.linspace(0.3, 0.9, shape))
    return report.faults[0].line, str(report)


@fault("derivative", "penalty", "x[0]")
def wrong_derivative_of_a_potential():
    cube = with_gradient(lambda x: x**3, lambda x: 2.0 * x**2)
    return slopes_of(lambda x: pt.potential(-pt.sum(cube(x)), name="penalty"))  # here


@fault("derivative", "smooth", "jumps")
def density_that_jumps():
    def term(x):
        return pt.potential(-3.0 * pt.sum(pt.floor(x * 10.0)), name="smooth")  # here

    return slopes_of(term)


def witnessed(outputs, rules, *args, inputs=(X,)):
    """(line, text) of the compile report's witness."""
    f = pt.function([*inputs], outputs, target="interp", rules=rules)
    report = f.report(*args, witness=True)
    return report.judged.first.line, str(report)


@fault("rule", "log(1 + exp(v))")
def softplus_with_a_wrong_factor():
    other = pt.special.softplus(V) * (1 + 1e-9)
    wrong = rule(pt.log(1 + pt.exp(V)), other, over=(-3, 3), why="a planted fault")
    y = pt.sum(pt.log(1 + pt.exp(X)))  # here
    return witnessed(y, [wrong], [0.5, 2.0])


@fault("rule", "sqrt")
def identity_that_forgets_the_sign():
    wrong = rule(pt.sqrt(pt.square(V)), V, over=(-3, 3), why="a planted fault")
    y = pt.sqrt(pt.square(X)) + 1.0  # here
    return witnessed(y * pt.exp(X), [wrong], [0.5, -2.0])


@fault("rule", "maximum")
def rule_that_is_right_for_some_values():
    wrong = rule(pt.maximum(V, 0.0), V, over=(-3, 3), why="a planted fault")
    y = pt.maximum(X, 0.0)  # here
    return witnessed(y + 2.0, [wrong], [1.0, -0.5])


@fault("rule")
def rule_that_loses_digits():
    wrong = rule(pt.expm1(V), pt.exp(V) - 1.0, over=(-3, 3), why="a planted fault")
    y = pt.expm1(X)  # here
    return witnessed(y * 3.0, [wrong], [1e-9, 1e-12])


@fault("rule")
def rule_in_a_loop():
    wrong = rule(pt.sin(V), V, over=(-3, 3), why="a planted fault")

    def step(v, c):
        return pt.sin(c * v) + 1.0  # here

    y = pt.scan(step, sequences=[X], outputs_info=[pt.as_tensor(0.5)])[0]
    return witnessed(y, [wrong], [0.5, 2.0])


def wrong_target(name, factor=1.001):
    """The interpreter with an error in one C function."""

    def made():
        functions, routines = meanings()
        right = functions[REGISTRY[name].c]
        wrong = {REGISTRY[name].c: lambda *args: right(*args) * factor}
        return {**functions, **wrong}, routines

    return InterpTarget(made)


def compared(name, outputs, *args, inputs=(X,), factor=1.001):
    """(line, text) of a comparison of a right target with a wrong one."""
    f = pt.function([*inputs], outputs, target="machine")
    report = f.compare(wrong_target(name, factor), *args)
    return report.first.line, str(report)


@fault("kernel", "arctan")
def wrong_arctan():
    bent = pt.arctan(X * 2.0)  # here
    return compared("arctan", pt.sum(pt.exp(bent) * X), [0.5, 1.5])


@fault("kernel", "tanh")
def wrong_tanh_in_a_loop():
    def step(v, c):
        return pt.tanh(c + v)  # here

    y = pt.scan(step, sequences=[X], outputs_info=[pt.as_tensor(0.5)])[0]
    return compared("tanh", y, [0.5, 1.5, 0.1])


@fault("kernel", "lgamma")
def wrong_lgamma_beside_a_fold():
    y = pt.special.gammaln(X)  # here
    return compared("lgamma", pt.sum(y) / pt.sum(X), [0.5, 7.0], factor=1 + 1e-6)


@fault("kernel", "erf")
def wrong_erf_in_a_gradient():
    cost = pt.sum(pt.erf(X) ** 2)  # here
    return compared("erf", pt.grad(cost, X), [0.5, 1.5])


@fault("kernel", "sinh")
def wrong_sinh_in_a_branch():
    y = pt.ifelse(pt.sum(X) > 0, pt.sinh(X), X)  # here
    return compared("sinh", y, [0.5, 1.5])


def audited(outputs, *args, inputs=(X,), rules=None):
    """(line, text) of the line that loses most digits."""
    report = pt.function([*inputs], outputs, target="interp").audit(*args)
    losses = sorted((*report.remains, *report.mended), key=lambda loss: -loss.lost)
    return losses[0].line, str(report)


@fault("digits", "log1mexp")
def complement_of_a_small_rate():
    x = pt.scalar("x")
    p = 1.0 - pt.exp(-x)  # here
    return audited(pt.log(p) * 1.5, 1e-12, inputs=[x])


@fault("digits")
def difference_of_large_numbers():
    x = pt.scalar("x")
    y = (x + 0.1) - x  # here
    return audited(y * 2.0, 1e10, inputs=[x])


@fault("digits")
def variance_by_squares():
    v = pt.mean(X * X) - pt.mean(X) ** 2  # here
    return audited(v, [1e8 + 1.0, 1e8 + 2.0, 1e8 + 4.0])


@fault("digits")
def tail_by_the_complement():
    x = pt.scalar("x")
    tail = 1.0 - pt.special.ndtr(x + 0.5)  # here
    return audited(pt.sqrt(tail), 7.5, inputs=[x])


@fault("digits")
def root_of_a_quadratic():
    b = pt.scalar("b")
    root = -b + pt.sqrt(b * b - 1.0)  # here
    return audited(root * 0.5, 1e7, inputs=[b])

"""Functions with derivatives of the user's own, `custom_vjp` and `custom_jvp`; and `checkpoint`,
whose derivative computes the function again.

All three make `CustomVjp` nodes: the value is the graph of the function, the derivative another.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from operator import is_not

from probtensor import ops
from probtensor.calls import parameter_names, public
from probtensor.graph.closed import closed
from probtensor.graph.node import GraphError, Node, TensorLike, as_tensor, make, new_input
from probtensor.graph.symbolic import refusal
from probtensor.graph.walk import inputs_of, replace
from probtensor.ops.derivatives import CHECKPOINT, After, CustomVjp
from probtensor.ops.loops.transforms.effects import shown_once, without_effects
from probtensor.transform import autodiff
from probtensor.types import shape_text

Results = Node | tuple[Node, ...] | list[Node]
# Gradients of the arguments, given stand-ins for these and for residuals, and cotangents.
Pull = Callable[[list[Node], list[Node], list[Node]], Sequence[object]]
# A rule may call the function that it is of. Its derivative is then needed for derivatives of the
# next order only; there is none beyond this one.
ORDERS = 4


class _Custom:
    """A function of tensors whose derivative is given apart from it."""

    what = ""
    missing = ""

    def __init__(self, fun: Callable[..., object]) -> None:
        if not callable(fun):
            text = f"{self.what}: takes a function of tensors, not {fun!r:.60}"
            raise refusal(text, kind=GraphError)
        self.fun = fun
        self.rule: tuple[Callable, ...] | None = None
        self._nesting = threading.local()
        self.__name__ = getattr(fun, "__name__", self.what)
        self.__doc__ = getattr(fun, "__doc__", None)

    def __call__(self, *arguments: TensorLike) -> Results:
        """The results of the function, with the derivative that was given."""
        if self.rule is None:
            text = f"{self.what}: {self.__name__} has no derivative yet"
            raise refusal(text, self.missing, kind=GraphError)
        with self._nested() as depth:
            nodes = [as_tensor(x) for x in arguments]
            return self.applied(nodes) if depth <= ORDERS else self._without_derivative(nodes)

    @contextmanager
    def _nested(self) -> Iterator[int]:
        """How often the function is being applied within its own rule, and now."""
        depth = getattr(self._nesting, "depth", 0) + 1
        self._nesting.depth = depth
        try:
            yield depth
        finally:
            self._nesting.depth = depth - 1

    def _without_derivative(self, arguments: list[Node]) -> Results:
        results = self.fun(*arguments)
        return _as_given([ops.undefined_grad(y) for y in _listed(results)], results)

    def applied(self, arguments: list[Node]) -> Results:
        """The results of the function for tensors."""
        raise AssertionError("each function has its own")

    @property
    def named(self) -> tuple[str, str]:
        return self.what, self.__name__

    def require_own(self, outputs: Sequence[Node], own: Sequence[Node]) -> None:
        """GraphError if results depend on inputs that are not arguments, by which the derivative
        is not known."""
        others = [x for x in inputs_of(outputs) if x not in set(own)]
        if others:
            raise refusal(
                f"{self.what}: {self.__name__} depends on {others[0].described}, which is none of "
                "its arguments",
                others[0].birthplace,
                "pass it as an argument: the derivative by it is not known else",
                kind=GraphError,
            )


class CustomVjpFunction(_Custom):
    """A function whose reverse-mode derivative the user gives; see `custom_vjp`."""

    what = "custom_vjp"
    missing = "give it by f.defvjp(fwd, bwd)"

    @public
    def defvjp(self, fwd: Callable[..., object], bwd: Callable[..., object]) -> None:
        """Give the derivative.

        fwd  takes the arguments of the function; returns its result and the residuals, a tensor or
             a tuple of tensors that `bwd` needs
        bwd  takes the residuals and the cotangent of the result (a tuple of them if the result is
             one); returns a tuple of the gradients of all arguments, None for one without
        """
        self.rule = (fwd, bwd)

    def applied(self, arguments: list[Node]) -> Results:
        own = _stand_ins(arguments, self.fun)
        fwd, bwd = self.rule
        pair = fwd(*own)
        if not isinstance(pair, tuple) or len(pair) != 2:
            text = f"custom_vjp: fwd of {self.__name__} returns (result, residuals)"
            raise refusal(text, f"not {pair!r:.60}", kind=GraphError)
        results, residuals = pair
        outputs, kept = _listed(results), _listed(residuals)
        self.require_own([*outputs, *kept], own)

        def pull(_: list[Node], stand_ins: list[Node], cotangents: list[Node]) -> Sequence[object]:
            found = bwd(_as_given(stand_ins, residuals), _as_given(cotangents, results))
            return found if isinstance(found, (tuple, list)) else (found,)

        made = with_pullback(self.named, outputs, arguments, own, kept, pull)
        return _as_given(made, results)


class CustomJvpFunction(_Custom):
    """A function whose forward-mode derivative the user gives; see `custom_jvp`."""

    what = "custom_jvp"
    missing = "give it by @f.defjvp"

    @public
    def defjvp(self, jvp: Callable[..., object]) -> Callable[..., object]:
        """Give the derivative: a function of the tuple of arguments and the tuple of their tangents
        (zeros for integers), which returns the result and its tangent. Tangents must be linear in
        the tangents given. Returns the function, so that it can be used as a decorator."""
        self.rule = (jvp,)
        return jvp

    def applied(self, arguments: list[Node]) -> Results:
        own = _stand_ins(arguments, self.fun)
        results = self.fun(*own)
        outputs = _listed(results)
        self.require_own(outputs, own)

        def pull(xs: list[Node], _: list[Node], cotangents: list[Node]) -> Sequence[object]:
            tangents = _stand_ins(xs)
            moved = _listed(self.rule[0](tuple(xs), tuple(tangents))[1])
            moving = [t for t in tangents if t.type.is_float]
            found = dict(zip(moving, autodiff.pull_back(moved, moving, cotangents), strict=True))
            # The tangent is linear, so that its derivative is the same at all tangents.
            zeros = {t: ops.zeros_like(t) for t in tangents}
            return [replace([found[t]], zeros)[0] if t in found else None for t in tangents]

        return _as_given(with_pullback(self.named, outputs, arguments, own, (), pull), results)


class CheckpointedFunction(_Custom):
    """A function that is computed again by its derivative; see `checkpoint`."""

    what = CHECKPOINT

    def __init__(self, fun: Callable[..., object]) -> None:
        super().__init__(fun)
        self.rule = ()

    def applied(self, arguments: list[Node]) -> Results:
        own = _stand_ins(arguments, self.fun)
        results = self.fun(*own)
        outputs = _listed(results)
        # What it reads besides its arguments is an argument as well.
        besides = [x for x in inputs_of(outputs) if x not in set(own)]
        copies = _stand_ins(besides)
        outputs = replace(outputs, dict(zip(besides, copies, strict=True)))
        count, own, arguments = len(own), [*own, *copies], [*arguments, *besides]
        # Effects happen in the first evaluation, which a derivative alone needs for their sake.
        silent = without_effects(outputs)
        seen = [y for y, quiet in zip(outputs, silent, strict=True) if y is not quiet]

        def pull(xs: list[Node], first: list[Node], cotangents: list[Node]) -> Sequence[object]:
            token = sum((ops.sum(g) for g in cotangents[1:]), ops.sum(cotangents[0]))
            # Inputs of the whole graph are kept anyway.
            again = [_after(x, token) if k < count else x for k, x in enumerate(xs)]
            repeated = replace(silent, dict(zip(own, again, strict=True)))
            moving = [x for x in again if x.type.is_float]
            pulled = autodiff.pull_back(repeated, moving, cotangents)
            if first:
                pulled = [None if g is None else make(ops.Along(), (g, *first)) for g in pulled]
            found = dict(zip(moving, pulled, strict=True))
            return [found.get(x) for x in again]

        return _as_given(with_pullback(self.named, outputs, arguments, own, seen, pull), results)


def _after(x: Node, token: Node) -> Node:
    """x, made after the token is known; integers are as they are."""
    if not x.type.is_float:
        return x
    return make(After(), (x, ops.astype(token, x.dtype)))


def _stand_ins(nodes: Sequence[Node], function: Callable | None = None) -> list[Node]:
    """Inputs of the types and names of tensors. What has no name is called by the parameter of a
    function that it is given to, so that effects have the same label in each use of a function."""
    names = [None] * len(nodes) if function is None else parameter_names(function, len(nodes))
    pairs = zip(nodes, names, strict=True)
    return [new_input(x.name or name, x.dtype, x.shape) for x, name in pairs]


def _listed(results: object) -> list[Node]:
    found = results if isinstance(results, (tuple, list)) else [results]
    return [as_tensor(x) for x in found]


def _as_given(found: list[Node], results: object) -> Results:
    return type(results)(found) if isinstance(results, (tuple, list)) else found[0]


def with_pullback(
    named: tuple[str, str],
    results: Sequence[Node],
    arguments: Sequence[Node],
    own: Sequence[Node],
    residuals: Sequence[Node],
    pull: Pull,
) -> list[Node]:
    """The results for the arguments, with the derivatives of `pull`; `results` and `residuals` are
    graphs of `own`, which stand for the arguments. `named`: the decorator and the function, for
    messages."""
    inner = replace([*results, *residuals], dict(zip(own, arguments, strict=True)))
    values, kept = inner[: len(results)], inner[len(results) :]
    stand_ins = [_stand_ins(nodes) for nodes in (own, residuals)]
    cotangents = [new_input(None, y.dtype, y.shape) for y in results]
    floats = {g: None for g in cotangents if g.type.is_float}
    if not floats:
        return values
    pulled = pull(*stand_ins, cotangents)
    if len(pulled) != len(arguments):
        text = f"{named[0]}: the rule of {named[1]} gives {len(pulled)} gradients"
        raise refusal(text, f"for {len(arguments)} arguments", kind=GraphError)
    followed, gradients = [], []
    for k, (g, x) in enumerate(zip(pulled, stand_ins[0], strict=True)):
        if g is not None and x.type.is_float:
            followed.append(k)
            gradients.append(_gradient_of(named, as_tensor(g), x))
    # Effects that the values have happen with them, and not again where a rule calls the function.
    quiet = shown_once(results, gradients)
    if any(map(is_not, quiet, gradients)):
        pairs = zip(values, without_effects(values), strict=True)
        seen = [y for y, silent in pairs if y is not silent]
        first = _stand_ins(seen)
        gradients = [make(ops.Along(), (g, *first)) for g in quiet]
        kept, stand_ins[1] = (*kept, *seen), [*stand_ins[1], *first]
    made = []
    for y, g in zip(values, cotangents, strict=True):
        if g in floats:
            others = {other: ops.zeros_like(other) for other in floats if other is not g}
            what, name = named
            own_name = f"{what}: the derivative of {name}"
            owned = [*stand_ins[0], *stand_ins[1], g]
            body = closed(owned, replace(gradients, others), [own_name])
            of = "" if name.startswith("<") else name  # a lambda has no name
            op = CustomVjp(body, tuple(followed), what, of, len(arguments))
            made.append(make(op, (y, *arguments, *kept)))
        else:
            made.append(y)
    return made


def _gradient_of(named: tuple[str, str], g: Node, x: Node) -> Node:
    """A gradient in the type of its argument; GraphError if it does not fit."""
    pairs = zip(g.shape[::-1], x.shape[::-1])
    known = [(n, m) for n, m in pairs if isinstance(n, int) and isinstance(m, int)]
    if g.ndim > x.ndim or any(n not in (1, m) for n, m in known):
        raise refusal(
            f"{named[0]}: a gradient of {named[1]} has shape {shape_text(g.shape)}, "
            f"its argument {x.described} {shape_text(x.shape)}",
            x.birthplace,
            kind=GraphError,
        )
    return autodiff.fit(g, x)


@public
def custom_vjp(fun: Callable[..., object]) -> CustomVjpFunction:
    """A function of tensors whose derivative in reverse mode you give (as in JAX).

    fun  a function of tensors that returns one, or a tuple or list of them

    Returns a function of the same arguments. Its method `defvjp(fwd, bwd)` gives the derivative:
    `fwd(*arguments)` returns the result and the residuals, a tensor or a tuple of them, and
    `bwd(residuals, cotangent)` a tuple with a gradient for each argument, None for one without.
    The gradients are graphs, so that further derivatives are those of `bwd`, and forward mode its
    transpose. Under `vmap` it is the batch of these graphs. Both may call the function itself, for
    derivatives up to the fourth order.

    Raises GraphError, a TypeError, for what is no function; and where it is called, before a
    derivative was given, for a gradient that does not fit its argument, and for a function that
    reads inputs besides its arguments.

        >>> @pt.custom_vjp
        ... def log1p_exp(x):
        ...     return pt.log(1 + pt.exp(x))
        >>> log1p_exp.defvjp(lambda x: (log1p_exp(x), x), lambda x, g: (g * pt.sigmoid(x),))
        >>> x = pt.scalar("x")
        >>> pt.grad(log1p_exp(x), x).eval({x: 0.0})
        array(0.5)
    """
    return CustomVjpFunction(fun)


@public
def custom_jvp(fun: Callable[..., object]) -> CustomJvpFunction:
    """A function of tensors whose derivative in forward mode you give (as in JAX).

    fun  a function of tensors that returns one, or a tuple or list of them

    Returns a function of the same arguments. Its method `defjvp(jvp)`, a decorator, gives the
    derivative: `jvp(arguments, tangents)` takes two tuples and returns the result and its tangent,
    which must be linear in the tangents. Reverse mode is the transpose of it.

    Raises GraphError, a TypeError, for what is no function; and where it is called, before a
    derivative was given, and for a function that reads inputs besides its arguments.

        >>> @pt.custom_jvp
        ... def clipped(x):
        ...     return pt.clip(x, 0.0, 1.0)
        >>> @clipped.defjvp
        ... def straight_through(arguments, tangents):
        ...     return clipped(*arguments), tangents[0]
        >>> x = pt.scalar("x")
        >>> pt.grad(clipped(x), x).eval({x: 3.0})
        array(1.)
    """
    return CustomJvpFunction(fun)


@public
def checkpoint(fun: Callable[..., object]) -> CheckpointedFunction:
    """A function of tensors that a gradient computes again, instead of keeping its inner values.

    fun  a function of tensors that returns one, or a tuple or list of them

    Returns a function of the same arguments and results. What it needs between its arguments and
    its results is not kept until the derivative is computed, which saves memory and costs one more
    evaluation. Values do not change. (For the steps of loops: `checkpoint=` of `pt.scan`.)

    Raises GraphError, a TypeError, for what is no function.

        >>> layer = pt.checkpoint(lambda x: pt.tanh(pt.tanh(x) * 2))
        >>> x = pt.scalar("x")
        >>> pt.grad(layer(x), x).eval({x: 0.0})
        array(2.)

    Source: Griewank and Walther (2008), "Evaluating Derivatives", chapter 12.
    """
    return CheckpointedFunction(fun)

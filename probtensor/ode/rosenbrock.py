"""Rosenbrock methods, for stiff equations: linear systems of the Jacobian in each stage."""

from __future__ import annotations

from collections.abc import Sequence

from probtensor.graph.node import Node
from probtensor.ode.linear import solver
from probtensor.ode.methods import Trial, combined
from probtensor.ode.system import System


class Rodas5P:
    """Eight stages, of order 5 with an estimate of order 4; stiffly accurate and L-stable.

    Stage i solves (1 / gamma - h J) k = h f(t + c h, y + sum a k) + sum C k + h^2 d df/dt, with the
    Jacobian J = df/dy at (t, y). The state after the step is that of the last stage plus its k,
    which is the estimated error.

    Source: Steinebach (2023), "Construction of Rosenbrock-Wanner method Rodas5P and numerical
    benchmarks within the Julia Differential Equations package", BIT Numerical Mathematics 63:27.
    """

    order, dense = 5, False
    GAMMA = 0.21193756319429014
    A = (
        (),
        (3.0,),
        (2.849394379747939, 0.45842242204463923),
        (-6.954028509809101, 2.489845061869568, -10.358996098473584),
        (2.8029986275628964, 0.5072464736228206, -0.3988312541770524, -0.04721187230404641),
        (-7.502846399306121, 2.561846144803919, -11.627539656261098, -0.18268767659942256,
         0.030198172008377946),
    )  # fmt: skip
    C = (
        (),
        (-14.155112264123755,),
        (-17.97296035885952, -2.859693295451294),
        (147.12150275711716, -1.41221402718213, 71.68940251302358),
        (165.43517024871676, -0.4592823456491126, 42.90938336958603, -5.961986721573306),
        (24.854864614690072, -3.0009227002832186, 47.4931110020768, 5.5814197821558125,
         -0.6610691825249471),
        (30.91273214028599, -3.1208243349937974, 77.79954646070892, 34.28646028294783,
         -19.097331116725623, -28.087943162872662),
        (37.80277123390563, -3.2571969029072276, 112.26918849496327, 66.9347231244047,
         -40.06618937091002, -54.66780262877968, -9.48861652309627),
    )  # fmt: skip
    NODES = (0.0, 0.6358126895828704, 0.4095798393397535, 0.9769306725060716, 0.4288403609558664,
             1.0, 1.0, 1.0)  # fmt: skip
    TIME = (0.21193756319429014, -0.42387512638858027, -0.3384627126235924, 1.8046452872882734,
            2.325825639765069, 0.0, 0.0, 0.0)  # fmt: skip

    def start(self, system: System, t: Node, y: Sequence[Node]) -> list[Node]:
        return []

    def trial(
        self, system: System, t: Node, y: Sequence[Node], h: Node, kept: Sequence[Node]
    ) -> Trial:
        before, error = self._stages(system, t, y, h)
        return Trial([a + e for a, e in zip(before, error)], error, [])

    def advanced(self, system: System, t: Node, y: Sequence[Node], h: Node) -> list[Node]:
        before, error = self._stages(system, t, y, h)
        return [a + e for a, e in zip(before, error)]

    def _stages(
        self, system: System, t: Node, y: Sequence[Node], h: Node
    ) -> tuple[list[Node], list[Node]]:
        """(the state of the last stage, its k)."""
        rate, jacobian = system.derivatives(t, y)
        solve = solver(jacobian, y, h, 1 / self.GAMMA)
        found: list[list[Node]] = []
        for i, (c, d) in enumerate(zip(self.NODES, self.TIME, strict=True)):
            if i < len(self.A):
                state = plus(y, combined(self.A[i], found)) if i else list(y)
            else:  # the weights of the stage before, and 1 for its k
                state = plus(state, found[-1])
            right = [h * x for x in system(t + c * h, state)]
            if i:
                right = plus(right, combined(self.C[i], found))
            if d and any(x is not None for x in rate):
                right = [r if x is None else r + (d * h * h) * x for r, x in zip(right, rate)]
            found.append(solve(right))
        return state, found[-1]


def plus(x: Sequence[Node], y: Sequence[Node]) -> list[Node]:
    """The sums of parts."""
    return [a + b for a, b in zip(x, y, strict=True)]

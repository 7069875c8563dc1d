"""stanli: the Stan programs here and in `tests/bench/stan`; graphs as text, statement by statement.

The time includes the reading of the program, as it does where it is written in Python.
"""

from pathlib import Path

import numpy as np
import stanli

from tests.bench import cases
from tests.bench.contenders.stanli_ import Adapter
from tests.bench.first import posteriors
from tests.bench.first.contenders import EULER_STEP, WIDTH, graph

PROGRAMS = Path(__file__).resolve().parent / "stan"


def load(group, name):
    """`build() -> (function, size)` of a model or graph."""
    if group == "models":
        case = cases.load(name)
        return lambda: (Adapter(case, "stanli").compile(), case.dim)
    if group == "posteriors":
        program, size, data = posteriors.load(name)
        path = PROGRAMS / f"{program}.stan"
        return lambda: _compiled(path.read_text(), data, size)
    kind, count = graph(name)
    return lambda: _compiled(*GRAPHS[kind](count))


def _compiled(text, data, size):
    model = stanli.Model(stan_code=text, data=data)
    return lambda q: model.log_prob_grad(np.ascontiguousarray(q)), size


def chain(count):
    steps = ("y = sin(y);", "y = y * 1.01;", "y = y + 0.3;")
    body = "\n".join(steps[k % 3] for k in range(count))
    text = f"""
parameters {{ vector[{WIDTH}] x; }}
model {{
vector[{WIDTH}] y = x;
{body}
target += sum(y);
}}
"""
    return text, {}, WIDTH


def scalars(count):
    declared = "\n".join(f"real m{k};" for k in range(count))
    terms = "\n".join(f"m{k} ~ normal(0, 1); y[{k + 1}] ~ normal(m{k}, 1);" for k in range(count))
    text = f"""
data {{ vector[{count}] y; }}
parameters {{
{declared}
}}
model {{
{terms}
}}
"""
    return text, {"y": 0.5 + np.arange(count) / count}, count


def euler(count):
    """The steps as a loop, as they are written in Python."""
    text = f"""
parameters {{ vector[6] th; }}
model {{
real u = th[5];
real v = th[6];
for (k in 1:{count}) {{
real w = u;
u = u + {EULER_STEP} * (th[1] * u - th[2] * u * v);
v = v + {EULER_STEP} * (th[4] * w * v - th[3] * v);
target += square(u - 1) + square(v - 2);
}}
}}
"""
    return text, {}, 6


GRAPHS = {"chain": chain, "scalars": scalars, "euler": euler}

"""Models as text, diagrams, LaTeX and tables."""

import re

import numpy as np
import pytest

import probtensor as pt
from tests.prob.distributions import DISTRIBUTIONS

R = pt.random


def radon():
    floor = pt.data(np.ones(6), name="floor", dims="home")
    county = pt.data(np.array([0, 0, 1, 1, 2, 2]), name="county_of", dims="home")
    mu = R.normal([1.0, -1.0], 5, name="mu", dims="term")
    tau = R.half_normal(1, name="tau_a")
    level = R.normal(mu[0], tau, name="level", dims="county", centered=False)
    slope = pt.deterministic((mu[1] + 1) * tau**2 / 3, name="slope")
    sigma = R.uniform(0, pt.exp(-tau) + 1, name="sigma")
    y = R.normal(level[county] + slope * floor, sigma, name="y", dims="home")
    pen = pt.potential(-(tau**4), name="pen")
    coords = {"county": list("abc"), "term": ["level", "slope"]}
    posterior = pt.condition({y: np.zeros(6)}, coords=coords, potentials=[pen], target="machine")
    return y, posterior


TEXT = """\
mu[term 2]        ~ normal([1, -1], 5)                               free
tau_a             ~ half_normal(1)                                   free
level[county 3]   ~ normal(mu[0], tau_a)                             free
sigma             ~ uniform(0, exp(-tau_a) + 1)                      free
county_of[home 6] = array of int64                                   data
slope             = (mu[1] + 1) * tau_a**2 / 3                       deterministic
floor[home 6]     = array of float64                                 data
y[home 6]         ~ normal(level[county_of] + slope * floor, sigma)  observed
pen               = -tau_a**4                                        potential"""
LATEX = r"""\begin{aligned}
\mu &\sim \operatorname{Normal}\left([1, -1], 5\right) \\
\tau_{a} &\sim \operatorname{HalfNormal}\left(1\right) \\
\mathrm{level} &\sim \operatorname{Normal}\left({\mu}_{[0]}, \tau_{a}\right) \\
\sigma &\sim \operatorname{Uniform}\left(0, e^{-\tau_{a}} + 1\right) \\
\mathrm{slope} &= \frac{\left({\mu}_{[1]} + 1\right)\, \tau_{a}^{2}}{3} \\
y &\sim \operatorname{Normal}\left({\mathrm{level}}_{[\mathrm{county}_{\mathrm{of}}]} \
+ \mathrm{slope}\, \mathrm{floor}, \sigma\right) \\
\mathrm{pen} &= -\tau_{a}^{4}
\end{aligned}""".replace("\\\n+", "+")


def test_text_and_latex_of_a_model():
    _, posterior = radon()
    assert pt.model_graph(posterior) == TEXT
    assert pt.latex(posterior) == LATEX


def test_diagrams_have_the_edges_and_the_plates():
    y, posterior = radon()
    edges = {
        ("mu", "level"), ("tau_a", "level"), ("mu", "slope"), ("tau_a", "slope"),
        ("tau_a", "sigma"), ("level", "y"), ("county_of", "y"), ("slope", "y"), ("floor", "y"),
        ("sigma", "y"), ("tau_a", "pen"),
    }  # fmt: skip
    for format, label, arrow in (
        ("mermaid", r'(n\d+)\W+"(\w+)<br>', r"(n\d+) --> (n\d+)"),
        ("graphviz", r'(n\d+) \[label="(\w+)\\n', r"(n\d+) -> (n\d+);"),
    ):
        text = pt.model_graph(posterior, format)
        names = dict(re.findall(label, text))
        found = {(names[a], names[b]) for a, b in re.findall(arrow, text)}
        assert found == edges
        assert text == pt.model_graph(radon()[1], format)
        plates = re.findall(r'(?:plate\d+\["|label=")(\w+ \d)"', text)
        assert plates == ["term 2", "county 3", "home 6"]
    graph = pt.model_graph(y)
    assert "pen" not in graph and "random" in graph and "observed" not in graph
    table = pt.table(posterior)
    assert {(p, name) for name, ps in zip(table["name"], table["parents"]) for p in ps} == edges


def test_tables():
    _, posterior = radon()
    table = pt.table(posterior)
    assert sum(table["size"]) == posterior.dim
    row = next(row for row in table if row["name"] == "level")
    assert row["transform"] == "non-centred" and row["dims"] == ("county",)
    assert row["line"].endswith(".py:19") and row["shape"] == (3,)
    assert next(r for r in table if r["name"] == "sigma")["support"] == "[0, exp(-tau_a) + 1]"
    q = np.linspace(-1, 1, posterior.dim)
    terms = pt.table(posterior, q)
    assert np.isclose(sum(terms["value"]), posterior.logp(q))
    lines = str(table).splitlines()
    assert len(lines) == len(table) + 1 and "level" in lines[3]


def test_names_are_no_markup():
    x = R.normal(0, 1, name='a"<b>&_$\\')
    posterior = pt.condition({R.normal(x, 1, name="y{0}_"): 0.0}, target="machine")
    mermaid, dot = (pt.model_graph(posterior, f) for f in ("mermaid", "graphviz"))
    assert "#quot;#lt;b>#amp;_$" in mermaid and r"a\"<b>&_$\\" in dot
    text = pt.latex(posterior)
    assert r"\&}_{\mathrm{\$\textbackslash{}}}" in text and r"y\{0\}\_" in text
    bare = re.sub(r"\\[{}]", "", text)
    assert bare.count("{") == bare.count("}")
    for name, expected in (
        ("mu_a", r"\mu_{a}"), ("theta", r"\theta"), ("x1", "x_{1}"), ("beta12", r"\beta_{12}"),
        ("school_effect", r"\mathrm{school}_{\mathrm{effect}}"), ("_a", r"\mathrm{\_a}"),
    ):  # fmt: skip
        variable = R.normal(0, 1, name=name)
        assert pt.latex(variable).splitlines()[1].startswith(f"{expected} &"), name


def test_variables_of_every_distribution_and_of_loops():
    for case in DISTRIBUTIONS:
        made = case.variable()
        assert f"~ {made.op.distribution.name}(" in pt.model_graph(made)
        assert pt.latex(made).count(r"\left") == pt.latex(made).count(r"\right") > 0
    s = R.half_normal(1.0, name="s")

    def step(x, _):
        x = R.normal(0.5 * x, s, name="walk")
        return x, x

    walk = pt.loop.scan(step, 0.0, length=4)[1]
    posterior = pt.condition({R.normal(walk, 1.0, name="y"): np.zeros(4)}, target="machine")
    text = pt.model_graph(posterior)
    assert "walk[4]" in text and "y[4]" in text
    assert ("s",) in pt.table(posterior)["parents"]


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: pt.model_graph(3.0), TypeError, "takes a posterior"),
        (lambda: pt.latex([1.0]), TypeError, "takes a posterior"),
        (lambda: pt.table(pt.exp(pt.as_tensor(1.0))), pt.GraphError, "no random variable"),
        (lambda: pt.table(R.normal(0, 1), [0.0]), TypeError, "point of a posterior"),
        (lambda: pt.model_graph(R.normal(0, 1), "png"), ValueError, "text, mermaid, graphviz"),
    ],
)
def test_wrong_calls_say_what_is_wrong(call, error, text):
    with pytest.raises(error, match=text) as raised:
        call()
    assert ".py:" in str(raised.value)

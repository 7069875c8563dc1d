"""Exported posteriors: from C, from threads, from a Python that has no ProbTensor.

Density and gradient are those of the posterior bit for bit. What `constrain` gives is what the same
graph gives when it is compiled; `posterior.constrain` evaluates it by NumPy.
"""

import ctypes
import dataclasses
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import probtensor as pt
from probtensor.targets.cython.toolchain import compiler_command
from tests.export.conftest import STRICT
from tests.export.libraries import NUMBER, Model, pointer
from tests.models import time_series

RNG = np.random.default_rng(11)


def eight_schools():
    """Inline data, dims, a deterministic."""
    effect = np.array([28.0, 8.0, -3.0, 7.0, -1.0, 1.0, 18.0, 12.0])
    error = np.array([15.0, 10.0, 16.0, 11.0, 9.0, 11.0, 10.0, 18.0])
    mu = pt.random.normal(0, 5, name="mu")
    tau = pt.random.half_cauchy(5, name="tau")
    z = pt.random.normal(0, 1, shape=8, name="z", dims="school")
    theta = pt.deterministic(mu + tau * z, name="theta", dims="school")
    return pt.condition({pt.random.normal(theta, error, name="y"): effect})


def groups(n=3000, seed=2):
    """Data in a file, of several types; a scatter; indices that are negative."""
    rng = np.random.default_rng(seed)
    x = pt.data(rng.normal(size=n), name="x")
    index = pt.data(rng.integers(-20, 20, n), name="index")
    level = pt.random.normal(0, pt.random.half_normal(2, name="scale"), shape=20, name="level")
    slope = pt.random.normal(0, 1, shape=(2, 3), name="slope")
    mean = level[index] + x * pt.sum(slope)
    return pt.condition({pt.random.student_t(4, mean, 1.5, name="y"): rng.normal(size=n)})


def supports():
    """A variable of each kind of support, one within bounds that another gives."""
    r = pt.random
    low = r.normal(0, 1, name="low")
    terms = [
        r.normal(low, 1, name="above", constraint=pt.interval(low, np.inf)),
        r.normal(0, 1, name="below", constraint=pt.interval(-np.inf, 3), shape=2),
        r.beta(2, 3, name="share", shape=(2, 2)),
        r.dirichlet(np.ones(4), name="parts"),
        r.normal(0, 1, name="cuts", shape=3, constraint=pt.ordered()),
        r.half_normal(1.0, name="größe"),
        r.lkj_cholesky(3, 2.0, name="factor"),
        r.wishart(4.0, np.eye(2), name="cov"),
        r.zero_sum_normal(1.0, shape=3, name="effects"),
    ]
    total = sum(pt.sum(t) for t in terms)
    return pt.condition({r.normal(total, 1.0, name="y"): 0.5})


def garch():
    """A scan."""
    return time_series.garch11({"y": np.random.default_rng(4).normal(size=200), "sigma1": 0.5})


MODELS = {f.__name__: f for f in (eight_schools, groups, supports, garch)}


@pytest.fixture(scope="module")
def made(exported):
    """Each posterior with its export, made once."""
    found = {}

    def make(name):
        if name not in found:
            posterior = MODELS[name]()
            found[name] = posterior, exported(posterior, name)
        return found[name]

    return make


@pytest.mark.parametrize("name", MODELS)
def test_the_density_is_that_of_the_posterior(name, made):
    posterior, export = made(name)
    model = Model(export)
    for scale in (0.1, 1.0, 30.0):
        for q in scale * RNG.normal(size=(5, posterior.dim)):
            (logp, grad), truth = model.logp_and_grad(q), posterior.logp_and_grad(q)
            assert (logp, grad.tobytes()) == (truth[0], truth[1].tobytes())
    model.close()


@pytest.mark.parametrize("name", MODELS)
def test_constrain_and_back(name, made):
    posterior, export = made(name)
    model = Model(export)
    q = RNG.normal(size=posterior.dim)
    values = model.constrain(q)
    expanded = posterior.expand(q[None])
    assert values.tobytes() == np.concatenate([v.ravel() for v in expanded.values()]).tobytes()
    named = posterior.constrain(q)
    np.testing.assert_allclose(values, np.concatenate([v.ravel() for v in named.values()]), 1e-13)
    np.testing.assert_allclose(model.unconstrain(values), q, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(model.unconstrain(values), posterior.unconstrain(named), 1e-11)


def test_names(made):
    posterior, export = made("eight_schools")
    model = Model(export)
    thetas = [f"theta[{k}]" for k in range(8)]
    assert model.names("value") == ["mu", "tau", *(f"z[{k}]" for k in range(8)), *thetas]
    assert model.names("unconstrained") == [posterior.variable_of(i) for i in range(posterior.dim)]
    assert [model.number(n) for n in ("dim", "values", "free_values", "variables",
                                      "free_variables")] == [10, 18, 10, 4, 3]  # fmt: skip
    text = model.get("variable_dim", ctypes.c_char_p)
    assert text(NUMBER(3), NUMBER(0)) == b"school" and text(NUMBER(0), NUMBER(0)) is None
    assert model.get("variable_start", NUMBER)(NUMBER(3)) == 10
    assert model.get("variable_size", NUMBER)(NUMBER(3), NUMBER(0)) == 8
    for what in ("variable_start", "variable_axes"):
        assert [model.get(what, NUMBER)(NUMBER(k)) for k in (-1, 4)] == [-1, -1]
    short = ctypes.create_string_buffer(4)
    assert model.get("value_name")(NUMBER(17), short, NUMBER(4)) == 8 and short.value == b"the"
    assert model.get("value_name")(NUMBER(18), short, NUMBER(4)) == -1


def test_names_of_axes_and_of_the_unconstrained_space(made):
    posterior, export = made("supports")
    model = Model(export)
    assert {"share[1,0]", "parts[3]", "größe"} <= set(model.names("value"))
    unconstrained = model.names("unconstrained")
    assert "parts[2]" in unconstrained and "parts[3]" not in unconstrained
    expected = [posterior.variable_of(i).replace(", ", ",") for i in range(posterior.dim)]
    assert unconstrained == expected


OUTSIDE = [("tau", -1.0), ("tau", 0.0), ("mu", np.nan), ("mu", np.inf)]


@pytest.mark.parametrize("name, value", OUTSIDE)
def test_values_that_a_variable_cannot_have(name, value, made):
    posterior, export = made("eight_schools")
    model = Model(export)
    values = posterior.constrain(np.zeros(10))
    values[name] = value
    flat = np.concatenate([np.ravel(v) for v in values.values()])
    text = rf"^{name} must be .*\n  made at .*test_models.py:\d+"
    with pytest.raises(AssertionError, match=text):
        model.unconstrain(flat)


def test_bounds_that_other_variables_give(made):
    posterior, export = made("supports")
    model = Model(export)
    values = posterior.constrain(np.zeros(posterior.dim))
    flat = np.concatenate([np.ravel(v) for v in values.values()])
    where = model.names("value").index("above")
    flat[where] = values["low"] - 0.1
    with pytest.raises(AssertionError, match="above must be"):
        model.unconstrain(flat)


def test_the_density_for_one_caller_says_when_q_is_too_short(made):
    posterior, export = made("eight_schools")
    model, logp, q = Model(export), ctypes.c_double(), np.zeros(10)
    model.call("log_density", model.context, NUMBER(10), pointer(q), None, ctypes.byref(logp))
    assert logp.value == posterior.logp(q)
    with pytest.raises(AssertionError, match="size"):
        model.call("log_density", model.context, NUMBER(9), pointer(q), None, ctypes.byref(logp))


def test_functions_of_pointers_for_r(made):
    posterior, export = made("groups")
    model = Model(export)
    q, grad, logp, status = np.full(27, 0.3), np.empty(27), np.empty(1), np.full(1, 9, "int32")
    file = ctypes.c_char_p(b"nowhere")
    args = [ctypes.byref(file), *map(pointer, (q, grad, logp, status))]
    model.get("r_logp_grad", None)(*args)
    assert status[0] == -2
    file.value = str(export.data).encode()
    model.get("r_logp_grad", None)(*args)
    assert status[0] == 0 and logp[0] == posterior.logp(q)


def lines_of(export, points, flags=()):
    """The lines that a C program prints: it is compiled in the export's folder, and knows no
    Python. With flags the export's source is compiled into it, else the library is used."""
    folder = export.folder
    text = (Path(__file__).parent / "main.c").read_text().replace('"MODEL.h"', f'"{export.name}.h"')
    (folder / "main.c").write_text(text)
    used = [f"{export.name}.c", *flags] if flags else [export.library]
    command = [*compiler_command(), "-O1", *STRICT.split(), f"-DMODEL={export.name}", "-Iinclude",
               "main.c", *used, "-o", "program", "-lm", "-pthread"]  # fmt: skip
    subprocess.run(command, cwd=folder, check=True, timeout=400)
    (folder / "main.c").unlink()
    given = f"{len(points)}\n" + "\n".join(" ".join(float(x).hex() for x in q) for q in points)
    words = [folder / "program", *([export.data] if export.data else [])]
    run = subprocess.run(words, input=given, capture_output=True, text=True, cwd="/", timeout=100)
    assert run.returncode == 0, run.stderr
    return run.stdout.splitlines()


@pytest.mark.slow
@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("kind", ["address,undefined", "thread"])
def test_sanitizers_find_nothing(name, kind, made):
    posterior, export = made(name)
    flags = ["-g", f"-fsanitize={kind}", "-fno-sanitize-recover=all"]
    try:
        subprocess.run([*compiler_command(), *flags, "-xc", "-", "-o", export.folder / "none"],
                       input="int main(void) { return 0; }", text=True, check=True)  # fmt: skip
    except subprocess.CalledProcessError:
        pytest.skip("the compiler has no sanitizers")
    assert lines_of(export, RNG.normal(size=(6, posterior.dim)), flags)


@pytest.mark.parametrize("name", ["eight_schools", "groups"])
def test_a_program_in_c_with_threads(name, made):
    posterior, export = made(name)
    points = RNG.normal(size=(10, posterior.dim))
    lines = lines_of(export, points)
    for q, line in zip(points, lines[:10], strict=True):
        logp, *grad = map(float.fromhex, line.split())
        truth = posterior.logp_and_grad(q)
        assert logp == truth[0] and grad == truth[1].tolist()
    values = dict(line.split() for line in lines[10:-1])
    expanded = {k: v[0] for k, v in posterior.expand(points[:1]).items()}
    assert float.fromhex(values[next(iter(values))]) == np.ravel(next(iter(expanded.values())))[0]
    assert len(values) == sum(v.size for v in expanded.values())
    back = [float.fromhex(x) for x in lines[-1].split()]
    np.testing.assert_allclose(back, points[0], rtol=1e-10, atol=1e-12)


def test_a_python_without_probtensor(made):
    posterior, export = made("eight_schools")
    code = (
        "import ctypes, sys\n"
        "lib, c = ctypes.CDLL(sys.argv[1]), ctypes.c_void_p()\n"
        "assert lib.eight_schools_open(None, ctypes.byref(c)) == 0\n"
        "q, g, l = (ctypes.c_double * 10)(*[0.5] * 10), (ctypes.c_double * 10)(), "
        "ctypes.c_double()\n"
        "assert lib.eight_schools_logp_grad(c, q, g, ctypes.byref(l)) == 0\n"
        "assert not [m for m in sys.modules if 'probtensor' in m or 'numpy' in m]\n"
        "print(l.value.hex(), *[x.hex() for x in g])\n"
    )
    run = subprocess.run([sys.executable, "-I", "-S", "-c", code, export.library], check=True,
                         capture_output=True, text=True, cwd="/", timeout=60)  # fmt: skip
    logp, *grad = map(float.fromhex, run.stdout.split())
    truth = posterior.logp_and_grad(np.full(10, 0.5))
    assert logp == truth[0] and grad == truth[1].tolist()
    needed = subprocess.run(["ldd", export.library], capture_output=True, text=True, check=False)
    assert "python" not in needed.stdout.lower()


def test_files_of_data_are_checked(made, tmp_path):
    _, export = made("groups")
    whole = export.data.read_bytes()
    changed = bytearray(whole)
    changed[-100] ^= 1
    other = bytearray(whole)
    other[16] ^= 1
    for content, text in (
        (None, "cannot be read"),
        (b"", "not the file"),
        (b"something else that is longer than a head of 64 bytes, quite a bit", "not the file"),
        (whole[:40], "too short"),
        (whole[:-1], "too short or too long"),
        (whole + b" ", "too short or too long"),
        (bytes(changed), "check sum"),
        (bytes(other), "not the file"),
    ):
        path = tmp_path / "data.bin"
        path.unlink(missing_ok=True)
        if content is not None:
            path.write_bytes(content)
        with pytest.raises(AssertionError, match=text):
            Model(dataclasses.replace(export, data=path))


def test_a_library_reads_other_data_of_the_same_sizes(made, exported):
    posterior, export = made("groups")
    other = posterior.with_data({"y": RNG.normal(size=3000), "x": RNG.normal(size=3000)})
    again = exported(other, "groups", build=False)
    model = Model(dataclasses.replace(export, data=again.data))
    q = RNG.normal(size=posterior.dim)
    assert model.logp_and_grad(q)[0] == other.logp(q) != posterior.logp(q)
    fewer = exported(groups(n=2900), "groups", build=False)
    with pytest.raises(AssertionError, match="other sizes"):
        Model(dataclasses.replace(export, data=fewer.data))


def test_a_gaussian_process(exported):
    """Cholesky factors and triangular solves, in plain C instead of by LAPACK."""
    x = np.linspace(0, 3, 25)
    length, noise = pt.random.gamma(5, 5, name="length"), pt.random.half_normal(1, name="noise")
    cov = pt.exp(-((x[:, None] - x) ** 2) / (2 * length**2)) + noise * np.eye(25)
    y = pt.random.multivariate_normal(0.0, cov=cov, name="y")
    posterior = pt.condition({y: np.sin(x)})
    model = Model(exported(posterior, "gp"))
    for q in RNG.normal(size=(5, 2)):
        logp, grad = model.logp_and_grad(q)
        np.testing.assert_allclose(logp, posterior.logp(q), rtol=1e-11)
        np.testing.assert_allclose(grad, posterior.logp_and_grad(q)[1], rtol=1e-8)


def test_a_posterior_of_another_target(exported, monkeypatch):
    monkeypatch.setenv("PROBTENSOR_TARGET", "interp")
    posterior = garch()
    export = exported(posterior, "garch", build=False)
    monkeypatch.setenv("PROBTENSOR_TARGET", "cython")
    native = exported(garch(), "garch", build=False)
    assert export.source.read_text() == native.source.read_text()
    assert export.library is None

"""The README's programs run as they stand there, and print what it says they print."""

import re

import numpy as np
import pytest


@pytest.fixture(scope="module")
def blocks(root):
    """(program, output) pairs of the README, in order."""
    text = (root / "README.md").read_text(encoding="utf-8")
    return re.findall(r"```python\n(.*?)```\n```\n(.*?)```", text, flags=re.S)


@pytest.fixture(scope="module")
def names(blocks):
    """What the first program defines; later ones use it."""
    pytest.importorskip("arviz")
    defined = {}
    exec(compile(blocks[0][0], "README.md", "exec"), defined)
    return defined


def test_the_posterior_is_the_one_shown(blocks, names):
    for name in ("mu", "tau"):
        row = re.search(rf"^{name} +(\S+) +(\S+)", blocks[0][1], flags=re.M)
        draws = np.asarray(names["idata"].posterior[name])
        # Not to the last digit: another processor may round otherwise.
        assert abs(draws.mean() - float(row[1])) < 0.3
        assert abs(draws.std() - float(row[2])) < 0.4


def test_what_the_text_promises_of_a_posterior(names):
    posterior, y = names["posterior"], names["y"]
    logp, gradient = posterior.logp_and_grad(np.zeros(posterior.dim))
    assert np.isfinite(logp)
    assert gradient.shape == (posterior.dim,)
    assert isinstance(posterior.address, int)
    other = posterior.with_data({y: names["effect"] + 1})
    assert other.address == posterior.address
    assert other.logp_and_grad(np.zeros(posterior.dim))[0] != logp


def test_the_kernel_is_the_one_shown(blocks, names, capsys):
    capsys.readouterr()
    exec(compile(blocks[1][0], "README.md", "exec"), dict(names))
    assert capsys.readouterr().out.rstrip() == blocks[1][1].rstrip()


def test_the_mathematics_gives_what_is_shown(blocks, names, capsys):
    exec(compile(blocks[2][0], "README.md", "exec"), dict(names))
    assert capsys.readouterr().out.rstrip() == blocks[2][1].rstrip()


def test_distributions_give_what_is_shown(blocks, names, capsys):
    exec(compile(blocks[3][0], "README.md", "exec"), dict(names))
    assert capsys.readouterr().out.rstrip() == blocks[3][1].rstrip()


def test_loops_and_equations_give_what_is_shown(blocks, names, capsys):
    capsys.readouterr()
    exec(compile(blocks[4][0], "README.md", "exec"), dict(names))
    assert capsys.readouterr().out.rstrip() == blocks[4][1].rstrip()


def test_there_are_as_many_programs_as_are_tested(blocks):
    assert len(blocks) == 5

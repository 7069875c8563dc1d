"""Plans that need a frame in each workspace, and code that is replaced while it is called."""

import threading

import numpy as np
import pytest

import probtensor as pt
from cython_ext.code import Code
from tests.targets.auto.trampoline import TrampolineTarget

pytestmark = pytest.mark.native


@pytest.fixture
def machine():
    return TrampolineTarget()


def program_of(f):
    return f.compilation.built.program


def switch(f, machine):
    """Move a function to the native code of its plan."""
    native = machine.natives[0]
    f.code.switch(native.run, native.owner)
    return native.run


def test_a_call_has_a_frame_and_one_is_made_for_each_workspace(machine):
    x = pt.vector("x")
    f = pt.function([x], pt.cumsum(pt.exp(x)) * 2, target=machine)
    for n in (3, 0, 500, 3):
        np.testing.assert_allclose(f(np.ones(n)), 2 * np.e * np.arange(1, n + 1), rtol=1e-14)
    assert (program_of(f).runs, program_of(f).frames) == (4, 1)


def test_a_switch_is_seen_by_the_next_call_and_by_bound_functions(machine):
    x, y = pt.vector("x"), pt.vector("y")
    f = pt.function([x, y], pt.sum(x * y), target=machine)
    bound = f.bind({"y": [1.0, 2.0]})
    assert f([1.0, 1.0], [1.0, 2.0]) == bound([1.0, 1.0]) == 3.0
    native = switch(f, machine)
    assert f.code is bound.code and f.code.address == native
    runs = program_of(f).runs
    assert f([1.0, 1.0], [1.0, 2.0]) == bound([1.0, 1.0]) == 3.0
    assert program_of(f).runs == runs


def test_plans_of_several_stages(machine):
    x = pt.vector("x")
    f = pt.function([x], pt.cumsum(x[pt.nonzero(x > 0)[0]]), target=machine)
    assert f.compilation.plan.staged
    given = np.array([1.0, -2.0, 3.0, 4.0])
    np.testing.assert_array_equal(f(given), [1.0, 4.0, 8.0])
    assert program_of(f).runs == 2
    switch(f, machine)
    np.testing.assert_array_equal(f(given), [1.0, 4.0, 8.0])
    assert program_of(f).runs == 2


def test_contexts_have_frames_and_follow_a_switch(machine):
    mu = pt.random.normal(0, 1, name="mu")
    post = pt.condition({pt.random.normal(mu, 1.0, shape=5, name="y"): np.ones(5)}, target=machine)
    context, other = post.context(), post.context()
    q = np.array([0.3])
    first = [c.logp_and_grad(q) for c in (context, other, context.clone())]
    compilation = context.entry.compilation
    native = next(b for b in machine.natives if b.source == compilation.built.source)
    context.entry.code.switch(native.run, native.owner)
    runs = compilation.built.program.runs
    assert runs >= 3
    assert [c.logp_and_grad(q) for c in (context, other)] == first[:2]
    assert compilation.built.program.runs == runs


def test_profile_times_each_kernel_on_its_own_frame(machine):
    x = pt.vector("x")
    f = pt.function([x], [pt.cumsum(x), pt.exp(x)], target=machine)
    found = f.profile(np.ones(10), n=3)
    assert len(found.rows) == len(f.plan.kernels)


def test_threads_that_call_while_the_code_is_switched(machine):
    x = pt.vector("x")
    f = pt.function([x], pt.cumsum(pt.exp(x)), target=machine)
    native = machine.natives[0]
    machine_at = f.code.address
    given = np.linspace(-1, 1, 50)
    wanted = f(given)
    wrong, stop = [], threading.Event()

    def work():
        while not stop.is_set():
            if not np.array_equal(f(given), wanted):
                wrong.append(1)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for _ in range(300):
        f.code.switch(native.run, native.owner)
        f(given)
        f.code.switch(machine_at, None)
        f(given)
    stop.set()
    for thread in threads:
        thread.join()
    assert not wrong


def test_a_plan_in_python_cannot_be_switched():
    code = Code(lambda arrays, sizes: 0)
    assert code.address == 0
    with pytest.raises(TypeError, match="no address"):
        code.switch(1, None)
    with pytest.raises(RuntimeError, match="once"):
        code.__init__(1)

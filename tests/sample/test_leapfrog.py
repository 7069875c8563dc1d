"""The integrator: reversible, symplectic, of second order."""

import numpy as np
import pytest

from cython_ext.samplers.leapfrog import trajectory


def follow(posterior, q, p, step, steps, inverse_mass=None):
    mass = np.ones(posterior.dim) if inverse_mass is None else inverse_mass
    context = posterior.context()
    return trajectory(posterior.address, context.address, q, p, mass, step, steps)


@pytest.mark.parametrize("name,dim", [("eight_schools", 10), ("funnel", 5)])
def test_going_back_arrives_where_it_began(density, schools, name, dim):
    posterior = schools if name == "eight_schools" else density(name, dim)
    generator = np.random.default_rng(1)
    q, p = 0.3 * generator.normal(size=(2, dim))
    mass = np.exp(generator.normal(size=dim))
    there, momenta, _ = follow(posterior, q, p, 0.05, 40, mass)
    back, undone, _ = follow(posterior, there[-1].copy(), momenta[-1].copy(), -0.05, 40, mass)
    assert not np.allclose(there[-1], q, atol=0.1)
    np.testing.assert_allclose(back[-1], q, atol=1e-11)
    np.testing.assert_allclose(undone[-1], p, atol=1e-11)


def test_the_map_is_symplectic(schools):
    """J^T W J = W for the Jacobian J of (q, p) -> (q', p') and the symplectic form W."""
    dim = schools.dim
    generator = np.random.default_rng(2)
    state = 0.5 * generator.normal(size=2 * dim)
    mass = np.exp(generator.normal(size=dim))

    def flow(point):
        q, p, _ = follow(schools, point[:dim].copy(), point[dim:].copy(), 0.1, 7, mass)
        return np.concatenate([q[-1], p[-1]])

    h = 1e-5
    columns = [(flow(state + h * e) - flow(state - h * e)) / (2 * h) for e in np.eye(2 * dim)]
    jacobian = np.column_stack(columns)
    form = np.block([[np.zeros((dim, dim)), np.eye(dim)], [-np.eye(dim), np.zeros((dim, dim))]])
    np.testing.assert_allclose(jacobian.T @ form @ jacobian, form, atol=1e-7)


def test_the_energy_error_falls_with_the_square_of_the_step(density):
    posterior = density("scaled_normal", 3, [1.0, 2.0, 0.5])
    q, p = np.array([1.0, -2.0, 0.3]), np.array([0.5, 1.0, -1.0])
    errors = []
    for halving in range(3):
        step, steps = 0.2 / 2**halving, 20 * 2**halving
        energies = follow(posterior, q, p, step, steps)[2]
        errors.append(np.abs(energies - energies[0]).max())
    assert errors[0] > 1e-3
    np.testing.assert_allclose(np.log2(np.array(errors[:-1]) / errors[1:]), 2.0, atol=0.1)


def test_one_step_is_the_formula(density):
    posterior = density("scaled_normal", 5, [1.0, 2.0, 3.0, 4.0, 5.0])
    generator = np.random.default_rng(3)
    q, p, mass = generator.normal(size=(3, 5)) ** 2
    positions, momenta, energies = follow(posterior, q, p, 0.3, 1, mass)
    half = p + 0.15 * posterior.logp_and_grad(q)[1]
    q_next = q + 0.3 * mass * half
    logp, gradient = posterior.logp_and_grad(q_next)
    p_next = half + 0.15 * gradient
    np.testing.assert_allclose(positions[1], q_next, rtol=1e-14)
    np.testing.assert_allclose(momenta[1], p_next, rtol=1e-14)
    np.testing.assert_allclose(energies[1], 0.5 * p_next @ (mass * p_next) - logp, rtol=1e-14)


def test_no_density_is_infinite_energy(density):
    posterior = density("truncated", 2, [0.5])
    energies = follow(posterior, np.zeros(2), np.array([1.0, 0.0]), 0.25, 6)[2]
    assert np.isfinite(energies[:2]).all()
    assert np.isposinf(energies).any()


def test_a_failing_density_and_wrong_sizes_are_errors(density):
    with pytest.raises(RuntimeError, match="code 7"):
        follow(density("failing", 2, fail_after=3), np.zeros(2), np.ones(2), 0.1, 10)
    with pytest.raises(ValueError, match="2, 3, 2"):
        follow(density("failing", 2), np.zeros(2), np.ones(3), 0.1, 10)

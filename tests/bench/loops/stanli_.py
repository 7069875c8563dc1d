"""The models in Stan, by stanli. Its gradients are by parameters: data of the other libraries whose
gradient is counted there (the log densities of a hidden Markov model) are parameters here."""

from pathlib import Path

import numpy as np
import stanli

PROGRAMS = Path(__file__).resolve().parent.parent / "stan"


def _gradient(name, data, q):
    model = stanli.Model(stan_code=(PROGRAMS / f"{name}.stan").read_text(), data=data)
    q = np.ascontiguousarray(q, float)
    return lambda: model.log_prob_grad(q)


def garch(case):
    return _gradient("loop_garch", {"T": len(case.y), "y": case.y, "h0": case.h0}, case.q)


def hmm(case):
    states = len(case.initial)
    data = {"T": len(case.e), "K": states}
    q = np.concatenate([case.initial, case.moves.T.ravel(), case.e.T.ravel()])
    return _gradient("loop_hmm", data, q)


def lotka_volterra(case):
    data = {"N": 20, "ts": case.times, "y": case.y}
    return _gradient("loop_lotka_volterra", data, case.q)


MODELS = {"garch": garch, "hmm4": hmm, "hmm32": hmm, "lotka_volterra": lotka_volterra}

"""The examples as Stan programs, by stanli: the data of each."""

from pathlib import Path

import numpy as np
import stanli

from examples import (
    autoregression,
    disease_map,
    dose_response,
    gaussian_process,
    intervention,
    item_response,
    mixture,
    ordinal,
    recapture,
    regimes,
    state_space,
    stochastic_volatility,
    survival,
    varying_slopes,
    weekly_counts,
    zero_inflated,
)
from tests.bench.examples import data

PROGRAMS = Path(__file__).resolve().parent / "stan"


def autoregression_data():
    return {"N": autoregression.SEEN, "y": autoregression.data()[: autoregression.SEEN]}


def disease_map_data():
    cases, expected, share, _ = disease_map.data()
    near = disease_map.neighbours()
    one, other = data.borders()
    root = np.sqrt(near.sum(0))
    return {
        "N": len(cases),
        "E": len(one),
        "one": one + 1,
        "other": other + 1,
        "neighbours": near.sum(0),
        "eigenvalues": np.linalg.eigvalsh(near / root / root[:, None]),
        "expected": expected,
        "share": share,
        "y": cases,
    }


def dose_response_data():
    return {
        "N": 4,
        "x": dose_response.LOG_DOSE,
        "n": dose_response.ANIMALS,
        "y": dose_response.DEATHS,
    }


def gaussian_process_data():
    x, y = gaussian_process.data()
    return {"N": len(x), "x": x, "y": y}


def intervention_data():
    stone, treatment, recovered = intervention.data()
    return {"N": len(stone), "stone": stone, "treatment": treatment, "recovered": recovered}


def item_response_data():
    answers, *_ = item_response.data()
    people, questions = answers.shape
    return {"J": people, "I": questions, "y": answers.astype(int)}


def missing_data_data():
    (x, x_gaps), (y, y_gaps) = data.gaps()
    return {
        "N": len(x),
        "X": len(x_gaps),
        "Y": len(y_gaps),
        "x_gaps": x_gaps + 1,
        "y_gaps": y_gaps + 1,
        "x_seen": np.nan_to_num(x),
        "y_seen": np.nan_to_num(y),
    }


def mixture_data():
    _, lengths = mixture.data()
    return {"N": len(lengths), "y": lengths}


def ordinal_data():
    x, answer = ordinal.data()
    return {"N": len(x), "x": x, "y": answer + 1}


def recapture_data():
    interval, seen, last = data.histories()
    return {
        "T": recapture.YEARS,
        "N": len(last),
        "M": len(seen),
        "interval": interval + 1,
        "seen": seen,
        "last": last + 1,
    }


def regimes_data():
    return {"N": regimes.DAYS, "y": regimes.data()[1]}


def state_space_data():
    _, y = state_space.data()
    return {"N": len(y), "y": np.nan_to_num(y), "seen": (~np.isnan(y)).astype(int)}


def stochastic_volatility_data():
    returns, _ = stochastic_volatility.data()
    return {"N": len(returns), "D": returns.shape[1], "y": returns.T}


def survival_data():
    ended = survival.ENDED
    return {
        "N": int(ended.sum()),
        "C": int((~ended).sum()),
        "y": survival.WEEKS[ended],
        "c": survival.WEEKS[~ended],
        "drug": survival.DRUG[ended],
        "drug_c": survival.DRUG[~ended],
    }


def varying_slopes_data():
    cafe, afternoon, wait, _ = varying_slopes.data()
    return {
        "N": len(wait),
        "J": varying_slopes.CAFES,
        "cafe": cafe + 1,
        "afternoon": afternoon,
        "y": wait,
    }


def weekly_counts_data():
    weeks, width = data.box()
    return {
        "N": len(weeks),
        "M": 12,
        "x": weeks,
        "L": width,
        "waves": data.waves(),
        "y": weekly_counts.data(),
    }


def zero_inflated_data():
    people, camper, fish = zero_inflated.data()
    return {"N": len(fish), "kind": 2 - camper, "people": people, "y": fish}


def load(name):
    """(function of q with value and gradient, its size)."""
    text = (PROGRAMS / f"{name}.stan").read_text()
    model = stanli.Model(stan_code=text, data=globals()[f"{name}_data"]())
    return lambda q: model.log_prob_grad(np.ascontiguousarray(q)), model.n_unconstrained

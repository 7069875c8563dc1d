"""The examples as Stan programs, by stanli: the data of each."""

from pathlib import Path

import numpy as np
import stanli

from examples import dose_response, item_response

PROGRAMS = Path(__file__).resolve().parent / "stan"


def dose_response_data():
    return {
        "N": 4,
        "x": dose_response.LOG_DOSE,
        "n": dose_response.ANIMALS,
        "y": dose_response.DEATHS,
    }


def item_response_data():
    answers, *_ = item_response.data()
    people, questions = answers.shape
    return {"J": people, "I": questions, "y": answers.astype(int)}


def load(name):
    """(function of q with value and gradient, its size)."""
    text = (PROGRAMS / f"{name}.stan").read_text()
    model = stanli.Model(stan_code=text, data=globals()[f"{name}_data"]())
    size = None
    return lambda q: model.log_prob_grad(np.ascontiguousarray(q)), size

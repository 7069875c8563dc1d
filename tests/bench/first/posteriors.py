"""The reference posteriors in Stan: program, number of parameters and data of each.

Where `tests.models.posteriordb` has a constant linear map of the parameters, so has the program.
"""

import json
import os
from pathlib import Path

import numpy as np


def _linear(prior):
    def program(columns, outcome):
        y = np.asarray(outcome, float)
        x = np.column_stack([np.broadcast_to(np.asarray(c, float), len(y)) for c in columns])
        data = {"N": len(y), "D": x.shape[1], "X": x, "y": y}
        return f"linear_{prior}", x.shape[1] + 1, data

    return program


_flat, _cauchy, _normal = _linear("flat"), _linear("cauchy"), _linear("normal")


def _nes(raw):
    ages = [np.array(raw["age_discrete"]) == k for k in (2, 3, 4)]
    columns = [1.0, raw["real_ideo"], raw["race_adj"], *ages]
    return _flat([*columns, raw["educ1"], raw["gender"], raw["income"]], raw["partyid7"])


def _logearn_interaction(raw):
    height, male = np.array(raw["height"], float), np.array(raw["male"], float)
    return _flat([1.0, height, male, height * male], np.log(raw["earn"]))


def _kidscore_interaction(raw):
    school, iq = np.array(raw["mom_hs"], float), np.array(raw["mom_iq"], float)
    return _cauchy([1.0, school, iq, school * iq], raw["kid_score"])


def _kidscore_mom_work(raw):
    work = np.array(raw["mom_work"])
    return _flat([1.0, *(work == k for k in (2, 3, 4))], raw["kid_score"])


def _mesquite(raw):
    names = ("diam1", "diam2", "canopy_height", "total_height", "density", "group")
    return _flat([1.0, *(raw[name] for name in names)], raw["weight"])


def _logmesquite_logva(raw):
    first, second, height = (np.log(raw[k]) for k in ("diam1", "diam2", "canopy_height"))
    columns = [1.0, first + second + height, first + second, raw["group"]]
    return _flat(columns, np.log(raw["weight"]))


def _blr(raw):
    return _normal(np.array(raw["X"], float).T, raw["y"])


def _diamonds(raw):
    x = np.array(raw["X"], float)[:, 1:]
    q, upper = np.linalg.qr(x - x.mean(0))
    data = {"N": len(x), "K": x.shape[1], "Q": q, "R_inverse": np.linalg.inv(upper)}
    return "diamonds", x.shape[1] + 2, data | {"y": np.array(raw["Y"], float)}


def _eight_schools(raw):
    data = {"J": 8, "y": np.array(raw["y"], float), "sigma": np.array(raw["sigma"], float)}
    return "../../stan/eight_schools", 10, data


def _as_given(program, size, *names):
    return lambda raw: (program, size, {name: raw[name] for name in names})


PROGRAMS = {
    "eight_schools-eight_schools_noncentered": _eight_schools,
    "earnings-earn_height": lambda raw: _flat([1.0, raw["height"]], raw["earn"]),
    "kidiq-kidscore_momiq": lambda raw: _cauchy([1.0, raw["mom_iq"]], raw["kid_score"]),
    "mesquite-mesquite": _mesquite,
    "nes1992-nes": _nes,
    "sblrc-blr": _blr,
    "diamonds-diamonds": _diamonds,
    "earnings-logearn_interaction": _logearn_interaction,
    "earnings-log10earn_height": lambda raw: _flat([1.0, raw["height"]], np.log10(raw["earn"])),
    "kidiq-kidscore_interaction": _kidscore_interaction,
    "kidiq_with_mom_work-kidscore_mom_work": _kidscore_mom_work,
    "mesquite-logmesquite_logva": _logmesquite_logva,
    "nes1972-nes": _nes,
    "arK-arK": _as_given("ar_k", 7, "K", "T", "y"),
    "gp_pois_regr-gp_regr": _as_given("gp_regr", 3, "N", "x", "y"),
    "low_dim_gauss_mix-low_dim_gauss_mix": _as_given("gauss_mix", 5, "N", "y"),
    "garch-garch11": _as_given("garch11", 4, "T", "y", "sigma1"),
    "bball_drive_event_0-hmm_drive_0": _as_given("hmm_drive", 6, "N", "u", "v", "alpha"),
    "hudson_lynx_hare-lotka_volterra": _as_given("lotka_volterra", 8, "N", "ts", "y_init", "y"),
    "hmm_example-hmm_example": _as_given("hmm_example", 4, "N", "y"),
}
NAMES = tuple(PROGRAMS)


def load(name):
    """(program, number of parameters, data) of a posterior."""
    path = Path(os.environ["POSTERIORDB"]) / "data" / f"{name.partition('-')[0]}.json"
    return PROGRAMS[name](json.loads(path.read_text()))

"""Item response: how able are people, and how hard and how telling are questions?

The two-parameter logistic model of Birnbaum (1968): 200 people answer 20 questions. The data are
simulated, so that the answer is known. Run it with `python -m examples.item_response`.
"""

import arviz as az
import numpy as np

import probtensor as pt

PEOPLE, QUESTIONS = 200, 20


def data(seed=5):
    """(answers [person, question], ability, difficulty, discrimination)."""
    rng = np.random.default_rng(seed)
    ability = rng.normal(size=PEOPLE)
    difficulty = rng.normal(0, 1.2, QUESTIONS)
    discrimination = rng.lognormal(0.1, 0.3, QUESTIONS)
    eta = discrimination * (ability[:, None] - difficulty)
    return rng.random(eta.shape) < 1 / (1 + np.exp(-eta)), ability, difficulty, discrimination


def model():
    """Abilities are standard normal, which fixes the origin and the unit of the scale."""
    answers, *_ = data()
    ability = pt.random.normal(0, 1, name="ability", dims="person")
    spread = pt.random.half_normal(2, name="spread")
    difficulty = pt.random.normal(0, spread, name="difficulty", dims="question")
    discrimination = pt.random.log_normal(0, 0.5, name="discrimination", dims="question")
    eta = discrimination * (ability[:, None] - difficulty)
    y = pt.random.bernoulli(logit_p=eta, name="answer", dims=("person", "question"))
    return pt.condition({y: answers.astype(int)})


def picture(idata):
    """Posterior intervals of the difficulties against the truth."""
    from matplotlib.figure import Figure

    *_, truth, _ = data()
    found = np.asarray(idata.posterior["difficulty"]).reshape(-1, QUESTIONS)
    low, mean, high = np.quantile(found, [0.05, 0.5, 0.95], axis=0)
    figure = Figure(figsize=(4.6, 4.2), layout="constrained")
    axes = figure.subplots()
    axes.errorbar(truth, mean, [mean - low, high - mean], fmt="o", label="median and 90 %")
    axes.axline((0, 0), slope=1, color="0.7", zorder=0)
    axes.set(xlabel="true difficulty", ylabel="difficulty")
    axes.legend()
    return figure


def main(draws=1000, tune=1000, progress=True):
    """Sample and print the posterior; returns the ArviZ object."""
    idata = pt.sample(model(), draws=draws, tune=tune, chains=4, seed=1, progress=progress)
    print(az.summary(idata, var_names=["spread", "difficulty", "discrimination"]))
    return idata


if __name__ == "__main__":
    main()

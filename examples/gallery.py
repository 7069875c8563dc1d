"""`python -m examples.gallery`: run every example and draw its picture into `examples/images`.

Each example has `model()`, `main(draws, tune, progress)`, which samples it, and `picture(idata)`.
"""

import importlib
import sys
from pathlib import Path

IMAGES = Path(__file__).parent / "images"
EXAMPLES = {
    "autoregression": "a series of order two, and its forecast",
    "disease_map": "a conditional autoregression of districts",
    "dose_response": "a logistic curve of 20 animals, and the dose that kills half",
    "gaussian_process": "a curve of unknown form from noisy points",
    "intervention": "Simpson's paradox: what is seen, and what a treatment does",
    "item_response": "ability of people, difficulty and discrimination of questions",
    "missing_data": "a regression whose outcomes and covariates have gaps",
    "mixture": "fish of three ages, which are not known",
    "ordinal": "answers on a scale of five, by an ordered logistic model",
    "recapture": "survival of marked birds that are seen again",
    "regimes": "calm and stormy times in a series",
    "state_space": "level, season and missing quarters of a series, and its future",
    "stochastic_volatility": "a random walk on the logarithm of a volatility",
    "survival": "weeks of remission, some of them cut off",
    "varying_slopes": "intercepts and slopes of 20 cafes, which are correlated",
    "weekly_counts": "a trend by basis functions and a yearly season of counts",
    "zero_inflated": "fish caught by groups, of whom some do not fish",
}


def main(names=()):
    """Draw the pictures of these examples, or of all; returns their paths."""
    drawn = []
    for name in names or EXAMPLES:
        print(f"\n== {name}: {EXAMPLES[name]}\n")
        example = importlib.import_module(f"examples.{name}")
        path = IMAGES / f"{name}.png"
        example.picture(example.main(progress=False)).savefig(path, dpi=80)
        drawn.append(path)
    return drawn


if __name__ == "__main__":
    main(sys.argv[1:])

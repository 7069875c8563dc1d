"""`make demo`: two models from data to plots, and how long each stage took."""

import sys
import time
from pathlib import Path

import arviz as az
import matplotlib as mpl

import probtensor as pt
from examples import eight_schools, rand_hmo

OUTPUT = Path("demo_output")


def save(plot, idata, path, **options):
    """Draw with ArviZ and write a PNG; ArviZ 0.x gives axes, 1.x an object that saves itself."""
    drawn = plot(idata, **options)
    if hasattr(drawn, "savefig"):
        drawn.savefig(path)
    else:
        axes = next(iter(drawn.ravel()))
        axes.figure.savefig(path, dpi=100, bbox_inches="tight")
    print(f"  saved {path.resolve()}")


def run(title, module, shown, **options):
    """Build, sample, print, plot one model."""
    print(f"\n== {title}\n")
    began = time.perf_counter()
    posterior = module.model()
    built = time.perf_counter()
    idata = pt.sample(posterior, chains=4, seed=3, progress=sys.stdout.isatty(), **options)
    sampled = time.perf_counter()
    print(az.summary(idata, var_names=shown).to_string())
    stages = dict(posterior.timings, sample=sampled - built)
    print("\n  seconds: " + "  ".join(f"{name} {value:.3f}" for name, value in stages.items()))
    print(f"  model to posterior: {sampled - began:.2f} s\n")
    name = module.__name__.rpartition(".")[2]
    save(az.plot_trace, idata, OUTPUT / f"{name}_trace.png", var_names=shown)
    save(az.plot_forest, idata, OUTPUT / f"{name}_forest.png", var_names=shown, combined=True)


def main():
    """Both models; the second one has 20,190 rows."""
    mpl.use("Agg")
    mpl.rcParams["figure.constrained_layout.use"] = True
    OUTPUT.mkdir(exist_ok=True)
    began = time.perf_counter()
    run("Eight schools, 4 x (1000 + 1000) draws", eight_schools, ["mu", "tau", "theta"],
        draws=1000, tune=1000)  # fmt: skip
    run("RAND health insurance, 20,190 rows, 4 x (500 + 500) draws", rand_hmo,
        ["mu", "tau", "alpha", "level", "beta"], draws=500, tune=500)  # fmt: skip
    print(f"\nall in {time.perf_counter() - began:.1f} s; plots lie in {OUTPUT.resolve()}")


if __name__ == "__main__":
    main()

"""ArviZ is imported as far as it is needed, and the rest when it is asked for."""

import os
import subprocess
import sys
import textwrap

import pytest

from tests.architecture import source

arviz = pytest.importorskip("arviz")
PARTIAL = int(arviz.__version__.split(".")[0]) == 0


def run(code, *folders):
    """The output of a program in a fresh process."""
    path = os.pathsep.join([*map(str, folders), str(source.ROOT)])
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], env=os.environ | {"PYTHONPATH": path},
        capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.split("\n")


@pytest.mark.skipif(not PARTIAL, reason="ArviZ 1 is imported as a whole")
def test_a_run_needs_no_plots_and_gives_what_arviz_gives():
    told = run("""
        import sys, threading, warnings
        import probtensor as pt
        warnings.simplefilter("ignore")
        mu = pt.random.normal(0, 5, name="mu")
        post = pt.condition({pt.random.normal(mu, 1.0, name="y"): 1.0}, target="interp")
        idata = pt.sample(post, draws=4, tune=4, chains=2, seed=1, progress=False)
        import arviz
        print("arviz.plots" in sys.modules, "arviz.stats" in sys.modules)
        print(type(idata) is arviz.InferenceData, arviz.__version__, hasattr(arviz, "__nothing__"))
        print("arviz.plots" in sys.modules)
        found, errors = [], []
        def ask(name):
            try:
                found.append(getattr(arviz, name))
            except Exception as error:
                errors.append(error)
        names = ["summary", "plot_trace", "ess", "rhat", "hdi", "plots"]
        threads = [threading.Thread(target=ask, args=(name,)) for name in names]
        [t.start() for t in threads], [t.join() for t in threads]
        print(len(found), errors, "arviz.plots" in sys.modules, type(arviz).__name__)
        from arviz import plot_density
        import arviz.data.inference_data as part
        print(part.InferenceData is arviz.InferenceData is type(idata), "loo" in dir(arviz))
        print(len(arviz.summary(idata)))
        try:
            arviz.nothing
        except AttributeError as error:
            print(error)
    """)
    assert told[:3] == ["False False", f"True {arviz.__version__} False", "False"]
    assert told[3:6] == ["6 [] True module", "True True", "1"]
    assert told[6] == "module 'arviz' has no attribute 'nothing'"


PACKAGES = {
    "the data need the rest": ("0.9", "from .. import late\n__all__ = []\n", "late = 1\n"),
    "there is no list of names": ("0.9", "", ""),
    "it is another version": ("1.2", "__all__ = []\n", ""),
    "its version is computed": ("0.9' + '", "__all__ = []\n", ""),
}


@pytest.mark.parametrize("case", PACKAGES)
def test_all_of_arviz_is_imported_where_a_part_cannot_be(tmp_path, case):
    version, data, rest = PACKAGES[case]
    (tmp_path / "arviz" / "data").mkdir(parents=True)
    text = f"__version__ = '{version}'\n{rest}whole = True\nfrom . import data\n"
    (tmp_path / "arviz" / "__init__.py").write_text(text)
    (tmp_path / "arviz" / "data" / "__init__.py").write_text(data)
    told = run("""
        from probtensor.sample.runs.loading import load_arviz
        module = load_arviz()
        print(type(module).__name__, module.whole, module.data.__name__, load_arviz() is module)
    """, tmp_path)  # fmt: skip
    assert told[0] == "module True arviz.data True"


def test_a_fault_in_the_rest_is_told_each_time_it_is_asked_for(tmp_path):
    (tmp_path / "arviz" / "data").mkdir(parents=True)
    (tmp_path / "arviz" / "__init__.py").write_text("__version__ = '0.9'\nimport no_such_module\n")
    (tmp_path / "arviz" / "data" / "__init__.py").write_text("__all__ = ['x']\nx = 3\n")
    told = run("""
        from probtensor.sample.runs.loading import load_arviz
        module = load_arviz()
        print(module.x, type(module).__name__)
        for _ in range(2):
            try:
                module.summary
            except ImportError as error:
                print(error)
    """, tmp_path)  # fmt: skip
    assert told[:3] == ["3 Unfinished", *["No module named 'no_such_module'"] * 2]


def test_what_the_user_imported_is_used():
    told = run("""
        import arviz
        from probtensor.sample.runs.loading import load_arviz
        print(load_arviz() is arviz, type(arviz).__name__)
    """)
    assert told[0] == "True module"

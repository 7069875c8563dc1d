"""`python -m tests.golden.dump FOLDER`: the generated text of every model, one file each."""

import sys
from pathlib import Path

import probtensor as pt
from probtensor.compile import cuda_target, lowered, passes_for
from probtensor.targets.cuda.render import render as render_cuda
from probtensor.targets.cython.render import render
from tests.models.programs import MODELS


def texts():
    """{file name: text}. Nothing is compiled; lines of programs.py are not quoted in the text."""
    found, counts = {}, []
    for model in MODELS:
        inputs, outputs, updates = model()
        f = pt.function(inputs, outputs, updates=updates, target="interp")
        plan, program = f.plan, f.compilation
        graph, passes = program.lowered().written, passes_for(cuda_target())
        on_device = lowered(program.inputs, graph, program.key, passes).plan
        found[f"{model.__name__}.pyx"] = render(plan, comments=False)
        found[f"{model.__name__}.cu"] = render_cuda(on_device, comments=False).source
        counts.append(f"{model.__name__:<24}{len(plan.kernels)}\n")
    return {"kernels.txt": "".join(counts), **found}


def main(folder):
    """Write the texts, and remove those of models that are gone."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    made = texts()
    for path in folder.iterdir():
        if path.name not in made:
            path.unlink()
    for name, text in made.items():
        (folder / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1])

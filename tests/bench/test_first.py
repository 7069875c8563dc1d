"""The table of first gradients: a run of one model, and what is said of its figures."""

import json
import sys

import pytest

from tests.bench.first import __main__ as command
from tests.bench.first import contenders, posteriors, table
from tests.models.posteriordb import MODELS


def test_one_model_and_one_round(monkeypatch, capsys):
    arguments = ["machine", "--groups", "models", "--models", "eight_schools", "--rounds", "1"]
    monkeypatch.setattr(sys, "argv", ["first", *arguments])
    assert command.main() == 0
    out = capsys.readouterr().out
    assert "eight_schools machine cold 1" in out
    assert "eight_schools machine warm 1" in out
    assert "machine\neight_schools" in out


def test_posteriors_in_stan_are_those_of_the_models():
    assert posteriors.NAMES == tuple(MODELS)


@pytest.mark.parametrize("name", posteriors.NAMES)
def test_stan_programs_name_the_data_and_as_many_parameters(name, posteriordb, monkeypatch):
    monkeypatch.setenv("POSTERIORDB", str(posteriordb))
    monkeypatch.setenv("PROBTENSOR_TARGET", "machine")  # only the number of parameters is asked
    program, size, data = posteriors.load(name)
    folder = posteriordb / "data" / f"{name.partition('-')[0]}.json"
    path = command.Path(posteriors.__file__).parent / "stan" / f"{program}.stan"
    declared = path.read_text().partition("data {")[2].partition("}")[0]
    assert {line.split()[-1].rstrip(";") for line in declared.splitlines() if line} == set(data)
    assert size == MODELS[name][0](json.loads(folder.read_text())).dim


def _records(contender, seconds, difference=1.0, case="a", group="models"):
    result = {"first_s": seconds, "size": 2, "logp_difference": difference, "gradient_norm": 1.0}
    record = {"group": group, "case": case, "contender": contender, "measure": "cold"}
    return [record | {"round": k, "result": result} for k in range(2)]


def test_table_says_where_ours_is_slow():
    records = _records("machine", 0.06) + _records("stanli", 0.03) + _records("jax", 0.3)
    records += _records("machine", 2.0, case="large", group="graphs")
    text = table.text(records)
    assert "over 50 ms: a 60.0\n" in text
    assert "graphs over 1000 ms: large 2000.0" in text
    assert "slower than 1.5 times stanli: a 2.00" in text
    ours = next(line for line in text.splitlines() if line.startswith("a "))
    assert ours.split() == ["a", "60.0", "30.0", "300.0", "0.50", "5.00"]


def test_results_are_written_as_data_and_text(tmp_path):
    table.write(_records("machine", 0.06), 2, tmp_path / "first.json")
    kept = json.loads((tmp_path / "first.json").read_text())
    assert kept["summary"]["seconds"] == {"cold": {"models/a": {"machine": 0.06}}}
    assert len(kept["records"]) == 2
    assert "over 50 ms: a 60.0\n" in (tmp_path / "first.txt").read_text()


def test_table_names_another_density():
    same = _records("machine", 0.1) + _records("stanli", 0.1, 1.0 + 1e-9)
    assert table.agreement(same) == []
    other = _records("machine", 0.1) + _records("stanli", 0.1, 1.1)
    assert len(table.agreement(other)) == 1
    assert "stanli has logp_difference 1.1" in table.agreement(other)[0]


def test_graphs_are_of_every_library():
    kinds = {contenders.graph(name)[0] for name in contenders.GRAPHS}
    for entry in contenders.ENTRIES.values():
        assert "graphs" in entry.groups
        source = command.Path(posteriors.__file__).with_name(f"{entry.adapter}.py").read_text()
        assert all(f"def {kind}(" in source for kind in kinds)

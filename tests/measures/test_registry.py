"""The list of measures: what is in it, and how a newcomer adds one."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from measured_networks import mlp, problem

from gengap.errors import InputError
from gengap.measures import Subject, all_measures, catalogue, measure, register, registry

RULES = {"formula": "sum_i ||W_i||_F^2 / 2", "source": "none", "sign": 1, "rescaling_invariant": False}
SCRIPT = """
from gengap.measures import Subject, register

@register(
    name="half_norm",
    formula="sum_i ||W_i||_F^2 / 2",
    source="none",
    sign=1,
    needs=frozenset({"weights"}),
    rescaling_invariant=False,
)
def half_norm(subject: Subject) -> float:
    return sum(float(layer.weight.square().sum()) for layer in subject.layers) / 2
"""


@pytest.fixture
def unregistered() -> Iterator[None]:
    before, modules = dict(registry._MEASURES), set(sys.modules)
    yield
    registry._MEASURES.clear()
    registry._MEASURES.update(before)
    for name in set(sys.modules) - modules:
        if name.startswith(registry.CATALOGUE):
            del sys.modules[name]


def _half_norm_is_measured(family: str) -> None:
    rows = measure(mlp(), problem(), measures=["half_norm", "param_norm"]).set_index("name")
    assert rows.loc["half_norm", "family"] == family
    assert 2 * rows.loc["half_norm", "value"] == pytest.approx(rows.loc["param_norm", "value"], rel=1e-12)


def test_every_measure_keeps_its_name_and_family_which_stored_rows_have() -> None:
    stored = json.loads((Path(__file__).parent / "catalogue" / "names.json").read_text())
    families = {one.name: one.family for one in all_measures()}
    assert {name: families.get(name) for names in stored.values() for name in names} == {
        name: family for family, names in stored.items() for name in names
    }


@pytest.mark.usefixtures("unregistered")
def test_a_new_family_is_one_file_in_the_catalogue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "halves.py").write_text(SCRIPT)
    monkeypatch.setattr(catalogue, "__path__", [*catalogue.__path__, str(tmp_path)])
    _half_norm_is_measured("halves")


@pytest.mark.usefixtures("unregistered")
def test_a_measure_of_a_script_is_computed_beside_the_catalogues() -> None:
    exec(compile(SCRIPT, "script.py", "exec"), {"__name__": "__main__"})  # as Python runs a script
    _half_norm_is_measured("own")


@pytest.mark.usefixtures("unregistered")
def test_a_function_of_another_name_and_a_name_that_is_taken_are_refused() -> None:
    def half_norm(subject: Subject) -> float:
        return 0.0

    def param_norm(subject: Subject) -> float:
        return 0.0

    with pytest.raises(InputError, match="measure halves is computed by a function called half_norm"):
        register(name="halves", needs=frozenset(), **RULES)(half_norm)
    with pytest.raises(InputError, match="measure param_norm already, of the family norms"):
        register(name="param_norm", needs=frozenset(), **RULES)(param_norm)
    assert "halves" not in {one.name for one in all_measures()}

"""Measures of one's own, beside the catalogue's."""

from collections.abc import Iterator

import pytest
from measured_networks import mlp, problem

from gengap.measures import Subject, measure, register, registry

OWN = {"formula": "sum_i ||W_i||_F^2 / 2", "source": "none", "sign": 1, "rescaling_invariant": False}


@pytest.fixture
def unregistered() -> Iterator[None]:
    before = dict(registry._MEASURES)
    yield
    registry._MEASURES.clear()
    registry._MEASURES.update(before)


def _half_norm(subject: Subject) -> float:
    return sum(float(layer.weight.square().sum()) for layer in subject.layers) / 2


@pytest.mark.usefixtures("unregistered")
def test_a_measure_of_ones_own_is_computed_beside_the_catalogues() -> None:
    register(name="half_norm", needs=frozenset({"weights"}), **OWN)(_half_norm)
    rows = measure(mlp(), problem(), measures=["half_norm", "param_norm"]).set_index("name")
    assert rows.loc["half_norm", "family"] == "own"
    assert 2 * rows.loc["half_norm", "value"] == pytest.approx(rows.loc["param_norm", "value"], rel=1e-12)
    with pytest.raises(ValueError, match="a measure param_norm already"):
        register(name="param_norm", needs=frozenset({"weights"}), **OWN)(_half_norm)

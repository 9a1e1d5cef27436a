"""Rows of the speed of training, read off histories."""

import pandas as pd
from measured_networks import mlp, problem

from gengap.measures import measure
from gengap.measures.catalogue.optimisation import _steps_until

NAMES = ["steps_to_ce_0_1", "steps_ce_0_1_to_0_01"]


def values(**options: object) -> pd.DataFrame:
    return measure(mlp(), problem(), measures=NAMES, **options).set_index("name")


def test_speed_of_training_is_read_off_its_history() -> None:
    losses = [0.7, None, 0.09, 0.03, 0.01]
    history = [{"epoch": e + 1, "steps": 5 * (e + 1), "train_loss": loss} for e, loss in enumerate(losses)]
    found = values(history=history)
    assert found.value["steps_to_ce_0_1"] == 15
    assert found.value["steps_ce_0_1_to_0_01"] == 10
    unfinished = values(history=history[:4])
    assert "0.01" in unfinished.reason["steps_ce_0_1_to_0_01"]
    assert unfinished.value["steps_to_ce_0_1"] == 15
    assert set(values().status) == {"skipped"}


def test_steps_until_a_loss_skip_epochs_that_were_not_measured() -> None:
    history = [{"steps": 4, "train_loss": 0.5}, {"steps": 8, "train_loss": None}, {"steps": 12, "train_loss": 0.05}]
    assert _steps_until(history, 0.1) == 12
    assert _steps_until(history, 0.01) is None

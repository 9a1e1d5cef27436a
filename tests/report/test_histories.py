"""Points of learning curves from rows with histories."""

import pandas as pd
from made_up_rows import STEPS_PER_EPOCH, cell

from gengap.report import loss_points, steps_per_epoch
from gengap.verdicts import with_conditions


def test_loss_points_stop_at_the_last_finite_loss_of_a_diverged_run() -> None:
    named = with_conditions(pd.DataFrame([cell("none", 0.0, 0, epochs=3), cell("labels", 1.0, 0, status="diverged")]))
    points = loss_points(named, None)
    assert points.groupby("condition").size().to_dict() == {"true labels": 3, "random labels": 3}
    assert points.loc[points["diverged"], ["condition", "epoch", "train_loss"]].to_numpy().tolist() == [
        ["random labels", 3, 4e8]
    ]
    assert steps_per_epoch(named) == STEPS_PER_EPOCH

"""Cells pooled over seeds, by hand."""

from made_up_rows import rows_by_hand

from gengap.verdicts import error_by_condition, error_by_level, time_to_fit, with_conditions


def test_time_is_relative_to_the_mean_at_level_zero() -> None:
    points, relative = time_to_fit(with_conditions(rows_by_hand()))
    assert relative
    assert points[["level", "mean", "low", "high", "n"]].to_numpy().tolist() == [
        [0.0, 1.0, 10 / 15, 20 / 15, 2.0],
        [1.0, 3.0, 2.0, 4.0, 2.0],
    ]


def test_time_of_unfitted_cells_is_a_lower_limit() -> None:
    rows = rows_by_hand().assign(epochs=90)
    rows["epochs_to_fit"] = [10, 20, 30, None]
    points, _ = time_to_fit(with_conditions(rows))
    assert points["at_least"].tolist() == [False, True]
    assert points["mean"].tolist() == [1.0, 4.0]  # (30 + 90) / 2 / 15


def test_time_without_level_zero_is_in_epochs() -> None:
    rows = rows_by_hand().query("level == 1")
    points, relative = time_to_fit(with_conditions(rows))
    assert not relative
    assert points["mean"].tolist() == [45.0]


def test_errors_over_seeds() -> None:
    points = error_by_level(with_conditions(rows_by_hand()))
    assert points[["mean", "low", "high"]].to_numpy().tolist() == [[0.5, 0.25, 0.75], [0.875, 0.875, 0.875]]
    gaps = error_by_condition(with_conditions(rows_by_hand())).set_index("condition")
    assert gaps.loc["true labels", ["train_error", "test_error", "n"]].tolist() == [0.0, 0.5, 2]

"""The stop on minimum norm."""

from pathlib import Path

from gengap.tasks.tour.stop import Setting, Shown

FEATURES = 400


def minimum_norm(setting: Setting, folder: Path) -> Shown:
    """SGD from zero and from a random start, beside the interpolator of least norm."""
    import numpy as np
    import pandas as pd

    from gengap.data import load
    from gengap.interpolate import RandomFourierFeatures
    from gengap.interpolate.implicit_bias import nearest_interpolator, sgd
    from gengap.report import Table

    digits = load("digits")
    x = np.asarray(digits.train.x[: setting.points], dtype=float).reshape(setting.points, -1) / 255
    y = np.eye(digits.n_classes)[np.asarray(digits.train.y[: setting.points])]
    features = RandomFourierFeatures("gaussian", n_features=FEATURES, random_state=0).fit_transform(x - x.mean(0))
    least = nearest_interpolator(features, y)
    starts = {"zero": np.zeros_like(least), "random": np.random.default_rng(0).normal(size=least.shape)}
    rows = []
    for name, start in starts.items():
        run = sgd(features, y, start, epochs=3_000, tolerance=1e-6)
        distance = np.linalg.norm(run.weights - least) / np.linalg.norm(least)
        rows.append((name, float(run.residual), float(np.linalg.norm(run.weights)), float(distance)))
    columns = ["start", "largest residual", "norm of the weights", "distance from the least-norm solution"]
    return Shown(
        f"Started at zero, SGD ends at the solution of least norm, whose norm is {np.linalg.norm(least):.3g}: the "
        f"distance between the two is {rows[0][3]:.1e} of that. From a random start it fits the labels as exactly, "
        f"with a norm of {rows[1][2]:.3g}.",
        [
            Table(
                pd.DataFrame(rows, columns=columns),
                f"Two runs that fit every label of {setting.points} images; distances are fractions of the least norm",
                dict(zip(columns[1:], (".1e", ".4g", ".1e"), strict=True)),
            )
        ],
    )

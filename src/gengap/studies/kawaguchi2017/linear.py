"""Linear models on handwritten digits, at every scale: fitted to labels, then moved far away unseen by any example."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from gengap.studies.rows import image_data, measured
from gengap.studies.study import Row, Scale

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from gengap.report import Figure, Table
    from gengap.sweep import Options
    from gengap.verdicts import ClaimPart

Labels = Literal["true", "random"]
PAPER = "Kawaguchi, Kaelbling and Bengio 2017, Generalization in deep learning, arXiv:1710.05468"
DISTANCES = (0.0, 1.0, 1e2, 1e4, 1e6)
COLUMNS = (
    "n_train", "n_test", "n_features", "rank", "train_error", "test_error", "norm", "moved",
    "train_off", "test_off", "rounding", "holds",
)  # fmt: skip
SCALED: dict[Scale, str] = {
    "smoke": "A few hundred of the embedded digits instead of MNIST.",
    "desk": "Fewer examples of MNIST than at paper scale; the theorem asks for no number.",
}
DIFFERENCES = (
    "The paper proves it for any features and labels; shown here is one construction of the weights, in float64, where "
    "predictions are equal up to rounding, which grows with the norm and is given beside them.",
)


@dataclass(frozen=True)
class Config:
    """A linear model, and how far it is moved."""

    scale: Scale
    labels: Labels
    distance: float = 0.0  # Frobenius norm of what is added from the null space
    allowed: float = 0.0  # epsilon and delta: Frobenius norm by which predictions may move
    seed: int = 0


@dataclass(frozen=True)
class Examples:
    """Features and labels of both splits; the labels as class indices and as indicator vectors."""

    phi: "NDArray[np.float64]"
    phi_test: "NDArray[np.float64]"
    y: "NDArray[np.int64]"
    y_test: "NDArray[np.int64]"
    codes: "NDArray[np.float64]"
    codes_test: "NDArray[np.float64]"

    @property
    def sizes(self) -> Row:
        """How many examples and features."""
        return {"n_train": len(self.phi), "n_test": len(self.phi_test), "n_features": self.phi.shape[1]}


def examples(config: Config, n_train: int, n_test: int) -> Examples:
    """The first so many digits, their pixels in [0, 1] as features, with true or random training labels."""
    import numpy as np

    from gengap.data import as_points, load

    problem = load("digits" if config.scale == "smoke" else "mnist", scale="unit").take(n_train, n_test)
    if config.labels == "random":
        problem = problem.corrupt("labels", level=1.0, seed=config.seed)
    pixels = as_points(problem, np.float64)
    return Examples(pixels.x, pixels.x_test, pixels.y, pixels.y_test, pixels.targets, pixels.targets_test)


def moved_rows(configs: Sequence[Config], data: Examples, solution: Any) -> list[Row]:
    """Rows of a solution moved as each configuration says; all of one ``allowed`` and seed."""
    from gengap.interpolate.implicit_bias import far_solutions

    allowed, seed = configs[0].allowed, configs[0].seed
    distances = [config.distance for config in configs]
    solutions = far_solutions(data.phi, data.phi_test, solution, distances, epsilon=allowed, delta=allowed, seed=seed)
    return [
        errors(data, far.weights)
        | {"rank": far.rank, "norm": far.norm, "moved": far.distance, "train_off": far.train_off}
        | {"test_off": far.test_off, "rounding": far.rounding, "holds": far.holds}
        for far in solutions
    ]


def errors(data: Examples, weights: Any) -> Row:
    """Status, sizes, and both errors against the labels."""
    wrong = {
        "train_error": (data.phi @ weights).argmax(axis=1) != data.y,
        "test_error": (data.phi_test @ weights).argmax(axis=1) != data.y_test,
    }
    return {"status": "done", "reason": None, **data.sizes} | {name: float(w.mean()) for name, w in wrong.items()}


def measure(study: str, work: Any, configs: Sequence[Config], options: "Options") -> list[Row]:
    """One row a configuration; those that differ in distance only share their work."""
    return measured(
        study,
        configs,
        COLUMNS,
        work,
        options,
        together=lambda c: (c.labels, c.allowed, c.seed),
        data=image_data("mnist"),
    )


def seeds(scale: Scale) -> tuple[int, ...]:
    """One seed, at paper scale three."""
    return (0, 1, 2) if scale == "paper" else (0,)


def error_by_norm(name: str, rows: "pd.DataFrame") -> "Figure | None":
    """Test error against the norm of the weights, as a figure of some name."""
    import altair as alt

    from gengap.report import Figure

    data = rows[rows["norm"].notna()].copy()
    if data.empty:
        return None
    data["model"] = data["labels"] + " labels"
    log = alt.Scale(type="log")
    chart = alt.Chart(data[["model", "seed", "norm", "test_error", "train_error", "allowed"]]).encode(
        x=alt.X("norm:Q", title="norm of the weights (Frobenius)", scale=log, axis=alt.Axis(tickCount=5)),
        y=alt.Y("test_error:Q", title="test error", axis=alt.Axis(format=".0%"), scale=alt.Scale(domain=[0, 1])),
        color=alt.Color("model:N", legend=alt.Legend(title=None)),
        detail=["seed:N", "allowed:N"],
        tooltip=["model", "seed", alt.Tooltip("norm:Q", format=".3g"), alt.Tooltip("test_error:Q", format=".2%")],
    )
    (low, high), (best, worst) = ((data[name].min(), data[name].max()) for name in ("norm", "test_error"))
    span = f"norms from {low:.3g} to {high:.3g}, test errors from {best:.2%} to {worst:.2%}"
    return Figure(
        name,
        (chart.mark_line() + chart.mark_point(filled=True, opacity=1)).properties(height=280),
        "Test error of linear models that predict alike, against the norm of their weights.",
        f"Test error by norm: {span}.",
        data[["labels", "allowed", "seed", "norm", "train_error", "test_error"]],
        {"norm": ".4g", "train_error": ".2%", "test_error": ".2%"},
    )


def far_part(rows: Sequence[Row]) -> "ClaimPart":
    """Whether solutions of every norm predict as the one that was moved, and have its errors."""
    from gengap.verdicts import claim_part, present, span

    def decide(moved: list[Row]) -> tuple[bool, str]:
        present({row["distance"] for row in moved}, "distances:", 2)
        exact = present((row for row in moved if not row["allowed"]), "weights whose predictions may not move")
        same = len({row["test_error"] for row in exact}) == 1
        norms = [row["norm"] for row in moved]
        figures = f"norms {span(norms)}; largest change of test predictions {max(r['test_off'] for r in exact):.1g}"
        return all(row["holds"] for row in moved) and same and max(norms) > 1e3 * min(norms), figures

    own = [row for row in rows if row["labels"] == "true"]
    needed = ["holds", "norm", "test_off", "test_error"]
    return claim_part("weights of norms many times larger predict the same", own, needed, decide)


def claims(rows: "pd.DataFrame") -> "Table":
    """How far predictions moved, and how far they may."""
    from gengap.report import Table

    wanted = ["labels", "seed", "n_train", "n_features", "rank", "norm", "moved", "train_error", "test_error"]
    wanted += ["allowed", "train_off", "test_off", "rounding", "holds"]
    small = dict.fromkeys(("norm", "moved", "allowed", "train_off", "test_off", "rounding"), ".3g")
    return Table(
        rows[wanted],
        "Weights far from a solution, and how far their predictions are from those of the solution (train_off and "
        "test_off, in Frobenius norm): at most what is allowed, plus rounding. A dash where nothing was moved",
        small | {"train_error": ".2%", "test_error": ".2%"},
    )

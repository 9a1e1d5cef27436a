"""The composite curve of each method: a first axis of capacity, then a second one, with effective numbers."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from gengap.studies.study import Row, Scale

if TYPE_CHECKING:
    from gengap.arrays import Floats
    from gengap.data import Points
    from gengap.sweep import Context

N_EXAMPLES: dict[Scale, int] = {"smoke": 100, "desk": 1_000, "paper": 10_000}
N_TEST: dict[Scale, int | None] = {"smoke": 100, "desk": 2_000, "paper": None}
BANDWIDTH = 5.0  # of the random features, in pixels of [0, 1]
SHRINKAGE, BOOSTED_LEAVES = 0.85, 10
# (first, second) of each point, in the order of the curve: N up to n and features beyond n; leaves of a tree and trees;
# rounds of boosting and ensembles. No more leaves than there are examples means: until each leaf is of one class.
GRIDS: dict[Scale, dict[str, tuple[tuple[int, int], ...]]] = {
    "smoke": {
        "random features": ((10, 0), (30, 0), (90, 0), (100, 0), (100, 50), (100, 900)),
        "trees": ((3, 1), (10, 1), (100, 1), (100, 2), (100, 10)),
        "boosting": ((1, 1), (5, 1), (20, 1), (20, 2), (20, 4)),
    },
    "desk": {
        "random features": (
            *((N, 0) for N in (25, 50, 100, 200, 300, 500, 700, 850, 950, 1_000)),
            *((1_000, excess) for excess in (50, 150, 300, 600, 1_000, 2_000, 4_000, 9_000)),
        ),
        "trees": (
            *((leaves, 1) for leaves in (2, 5, 10, 20, 40, 70, 100, 150, 200, 1_000)),
            *((1_000, trees) for trees in (2, 3, 5, 10, 20, 50)),
        ),
        "boosting": (
            *((rounds, 1) for rounds in (1, 2, 5, 10, 20, 40, 70, 100)),
            *((100, ensembles) for ensembles in (2, 3, 5, 10)),
        ),
    },
    "paper": {
        "random features": (
            *((N, 0) for N in (25, 500, 1_000, 2_500, 5_000, 7_500, 9_000, 10_000)),
            *((10_000, excess) for excess in (1_000, 2_500, 5_000, 10_000, 30_000, 50_000)),
        ),
        "trees": (
            *((leaves, 1) for leaves in (2, 5, 10, 20, 50, 75, 100, 500, 1_000, 10_000)),
            *((10_000, trees) for trees in (2, 5, 10, 20, 50, 100)),
        ),
        "boosting": (
            *((rounds, 1) for rounds in (1, 2, 10, 25, 50, 100, 200)),
            *((200, ensembles) for ensembles in (2, 5, 20, 50)),
        ),
    },
}
METHODS = ("random features", "trees", "boosting")


def examples(scale: Scale) -> "Points":
    """The first examples of MNIST, at smoke scale of the embedded digits, with pixels in [0, 1], float64."""
    import numpy as np

    from gengap.data import as_points, load

    problem = load("digits" if scale == "smoke" else "mnist", scale="unit").take(N_EXAMPLES[scale], N_TEST[scale])
    return as_points(problem, np.float64)


def curve(method: str, grid: Sequence[tuple[int, int]], data: "Points", seed: int, context: "Context") -> list[Row]:
    """The points of a curve: their parameters, effective numbers on both splits, losses and errors.

    Args:
        method: One of ``METHODS``.
        grid: (first, second) of each point.
        data: The examples.
        seed: Of what is random in the method.
        context: Progress, and threads.
    """
    return {"random features": _random_features, "trees": _trees, "boosting": _boosting}[method](
        grid, data, seed, context
    )


def _random_features(grid: Sequence[tuple[int, int]], data: "Points", seed: int, context: "Context") -> list[Row]:
    from gengap.interpolate import RandomFourierFeatures, ridgeless_path
    from gengap.seeds import stream

    features = RandomFourierFeatures("gaussian", BANDWIDTH, random_state=stream(seed, "features") % 2**32)
    sides = (data.x, data.targets, data.x_test, data.targets_test)
    counts = [N + excess for N, excess in grid]
    path = ridgeless_path(
        features,
        *sides,
        counts,
        lambda point: context.report(counts.index(point.n_features) + 1, len(counts), f"N {point.n_features}"),
        test_parameters=True,
    )
    records = {point.n_features: point.record() for point in path}
    names = ("test_parameters", "train_loss", "test_loss", "train_error", "test_error")
    rows = []
    for count in counts:
        record = records[count]
        values = {name: record[name] for name in names} | {"train_parameters": record["rank"]}
        reasons = {f"{name}_reason": record["reason"] for name, value in values.items() if value is None}
        rows.append({"parameters": count, **values, **reasons})
    return rows


def _trees(grid: Sequence[tuple[int, int]], data: "Points", seed: int, context: "Context") -> list[Row]:
    from sklearn.ensemble import RandomForestRegressor

    from gengap.interpolate.smoothers import forest_weights
    from gengap.seeds import stream

    rows = {}
    for leaves in sorted({leaves for leaves, _ in grid}):
        wanted = {trees for of_leaves, trees in grid if of_leaves == leaves}
        forest = RandomForestRegressor(
            max(wanted),
            bootstrap=False,
            max_features="sqrt",
            max_leaf_nodes=leaves if leaves < len(data.x) else None,
            random_state=stream(seed, "trees") % 2**32,
            n_jobs=context.threads,
        ).fit(data.x, data.targets)
        total = 0
        pairs = forest_weights(forest.estimators_, data.x, data.x_test)
        for trees, (tree, pair) in enumerate(zip(forest.estimators_, pairs, strict=True), start=1):
            total += int(tree.get_n_leaves())
            if trees in wanted:
                rows[leaves, trees] = {"parameters": total, **_smoothed(*pair, data)}
                context.report(len(rows), len(grid), f"leaves {leaves}, trees {trees}")
    return [rows[point] for point in grid]


def _boosting(grid: Sequence[tuple[int, int]], data: "Points", seed: int, context: "Context") -> list[Row]:
    import numpy as np

    from gengap.interpolate.smoothers import boosting_weights
    from gengap.interpolate.trees import boosted_trees
    from gengap.seeds import stream

    rounds, ensembles = max(first for first, _ in grid), max(second for _, second in grid)
    rows: dict[tuple[int, int], Row] = {}
    means: list[Floats] = []
    for ensemble in range(ensembles):
        fitted = boosted_trees(
            data.x,
            data.targets,
            rounds=rounds,
            max_leaves=BOOSTED_LEAVES,
            shrinkage=SHRINKAGE,
            rng=np.random.RandomState(stream(seed, "boosting", ensemble) % 2**32),
            max_features="sqrt",
        )
        pairs = boosting_weights((tree for tree, _ in fitted), data.x, data.x_test, SHRINKAGE, data.targets)
        for done, pair in enumerate(pairs, start=1):
            if ensemble == 0 and (done, 1) in grid:
                rows[done, 1] = {"parameters": done, **_smoothed(*pair, data)}
            context.report(ensemble * rounds + done, ensembles * rounds, f"ensemble {ensemble + 1}")
        if ensemble == 0:
            means = list(pair)
        else:
            for mean, one in zip(means, pair, strict=True):
                mean += (one - mean) / (ensemble + 1)
        if ensemble and (rounds, ensemble + 1) in grid:
            rows[rounds, ensemble + 1] = {"parameters": rounds * (ensemble + 1), **_smoothed(means[0], means[1], data)}
    return [rows[point] for point in grid]


def _smoothed(train: "Floats", test: "Floats", data: "Points") -> dict[str, Any]:
    """Effective numbers, losses and errors of a smoother with weights ``[n, n]`` and ``[m, n]``."""
    from gengap.interpolate.smoothers import effective_parameters

    row: dict[str, Any] = {}
    for split, weights, targets in (("train", train, data.targets), ("test", test, data.targets_test)):
        values = weights @ data.targets
        row[f"{split}_parameters"] = effective_parameters(weights)
        row[f"{split}_loss"] = float(((values - targets) ** 2).sum(axis=1).mean())
        said = values.round(12).argmax(axis=1)  # so that rounding does not decide between equal votes
        row[f"{split}_error"] = float((said != targets.argmax(axis=1)).mean())
    return row

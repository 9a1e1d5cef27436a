"""Near-duplicates between training and test examples, by content and by the network's own features."""

from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from gengap.arrays import Ints
from gengap.errors import counted
from gengap.network.inputs import batches
from gengap.probes import Nearest, equal_examples, image_detail, nearest
from gengap.report import Block, Fact, Facts, Picture, Pictures, Table, Text, png_bytes
from gengap.seeds import generator
from gengap.tasks.audit.part import Budget, NotApplicable, Part
from gengap.tasks.audit.subject import AuditSubject

DETAIL, ROWS = 0.65, 0.99  # similarity from which a pair counts: of images by their detail, of rows of features
RATIO = 0.5  # and the largest share of the third nearest training example's distance
SMALLEST = 16  # pixels a side from which images have detail
FEWEST = 16  # columns of a table from which one row in 100 at most has a close one by chance; of 4 every second has
LISTED, PICTURED = 12, 6
PAIRS_PER_SECOND = 1e8  # compared with 192 numbers each, roughly
OF_IMAGES = (
    f"Two images count as nearly the same where their detail has a similarity of at least {DETAIL:g} (thumbnails of "
    "16 to 31 pixels a side, less the mean of the pixels around each) and the third nearest training example is at "
    "least twice as far away. This sees through noise, brightness, compression and a border cut off, not through a "
    "mirror or a shift by two pixels. It finds half of the near-duplicates of CIFAR-10 that Barz and Denzler 2020 "
    "list; on MNIST it calls 2 in 1,000 test digits near-duplicates by chance."
)
OF_ROWS = (
    f"Two examples count as nearly the same from a similarity of {ROWS:g}, a table's columns in units of their "
    "standard deviation in training, where the third nearest training example is at least twice as far away. In few "
    "pixels that happens by chance: the pairs are for looking at."
)
OF_FEW_COLUMNS = (
    f"Tables of fewer than {FEWEST} columns: rows that lie close together do so by chance, so that none is counted. "
    "The most similar pairs are listed, a column in units of its standard deviation in training."
)
BY_FEATURES = (
    "Pairs by the network's features are listed, not counted: features of one class lie close together in a network "
    "that fits its labels."
)
WIDEST = 4_096  # features of a layer's input that are kept


def duplicates_part(subject: AuditSubject, budget: Budget) -> Part:
    """Test examples that nearly equal a training example.

    Content is the detail of images, and of tables each column in units of its standard deviation in training; features
    are the input of the network's last linear layer. Both by the cosine of what differs from the mean in training.
    """
    train, test = subject.problem.train, subject.problem.test
    if np.issubdtype(train.x.dtype, np.integer) and train.x.dtype != np.uint8:
        raise NotApplicable("tokens are compared for equality alone: equal test examples are left out of every number")
    known = subject.trained().rows
    seconds = budget.of("near duplicates") / 3
    count = int(min(len(known), max(500, PAIRS_PER_SECOND * seconds / len(test.x), 0)))
    if seconds == float("inf"):
        count = len(known)
    rows = np.sort(generator(subject.seed, "audit", "near duplicates").permutation(known)[:count])
    distinct = rows[_first(train.x[rows])]  # else its copies would be the third nearest
    content = nearest(*_comparable(test.x, train.x[distinct]), seed=subject.seed)
    by_features, reason = _by_features(subject, distinct, budget)
    near = content.stands_out(DETAIL if _has_detail(test.x) else ROWS, RATIO)
    near &= ~np.isin(subject.test_rows, subject.shared)  # equal ones are counted by themselves
    few = _of_few_columns(train.x)
    if few:
        near = np.zeros_like(near)
        why = f"rows of {train.x.shape[1]} columns lie close together by chance, and are not counted"
        reason = "; ".join(text for text in (why, reason) if text)
    count_near = None if few else int(near.sum())
    found = _pairs(subject, distinct, content, by_features, near)
    repeats = {"training": int((~_first(train.x)).sum()), "test": int((~_first(test.x)).sum())}
    values: dict[str, Any] = {
        "near": count_near,
        "equal": len(subject.shared),
        "repeats": repeats,
        "pairs": found.drop(columns=["position"]).to_dict("records"),
        "compared": {"test": len(test), "training": len(rows)},
    }
    missed = "" if len(rows) == len(train) else "a copy of a training example that was not drawn is missed"
    return Part(
        "near_duplicates",
        "",
        f"Equal to a training example: {counted(len(subject.shared), 'test example')}"
        + ("" if count_near is None else f"; nearly equal to one: {count_near:,} more")
        + f". Repeats of an earlier one in their split: {counted(repeats['training'], 'training example')} and "
        f"{repeats['test']:,} of the test examples that count.",
        values,
        lambda: _blocks(subject, found, count_near, repeats),
        f"{len(test):,} test examples against {len(rows):,} of {len(train):,} training examples",
        status="partial" if reason or missed else "ok",
        reason=reason or missed,
    )


def _first(x: NDArray[Any]) -> NDArray[np.bool_]:
    """Which examples equal none before them, ``[N]``."""
    first: NDArray[np.bool_] = equal_examples(x, x) == np.arange(len(x))
    return first


def _of_few_columns(x: NDArray[Any]) -> bool:
    return x.ndim == 2 and x.shape[1] < FEWEST


def _blocks(subject: AuditSubject, found: pd.DataFrame, near: int | None, repeats: dict[str, int]) -> list[Block]:
    train, test = subject.problem.train, subject.problem.test
    facts = [
        Fact("Equal to a training example", f"{len(subject.shared):,}", "test examples"),
        Fact(
            "Nearly the same", "not judged" if near is None else f"{near:,}", f"of {len(test):,} test examples compared"
        ),
        Fact("Repeated in training", f"{repeats['training']:,}", f"of {len(train):,} examples equal one before them"),
        Fact("Repeated in test", f"{repeats['test']:,}", "equal test examples are not independent"),
    ]
    rule = OF_FEW_COLUMNS if near is None else OF_IMAGES if _has_detail(train.x) else OF_ROWS
    blocks: list[Block] = [Facts(facts), Text([rule, BY_FEATURES])]
    if train.x.ndim == 4:
        pictures = [
            Picture(
                png_bytes(np.concatenate([test.x[row["position"]], train.x[row["training"]]], axis=-1)),
                f"test {row['test']}, {row['test_label']}; training {row['training']}, {row['label']}",
            )
            for row in found.head(PICTURED).to_dict("records")
        ]
        caption = "Pairs by content, those counted first: left a test example, right the training example"
        blocks.append(Pictures(pictures, caption))
    formats = {"test": "d", "training": "d", "by_content": ".4f", "by_features": ".4f"}
    caption = "The most similar pairs by content, those counted first, then those by features"
    return [*blocks, Table(found.drop(columns=["position"]), caption, formats)]


def _pairs(
    subject: AuditSubject, rows: Ints, content: Nearest, features: Nearest | None, near: NDArray[np.bool_]
) -> pd.DataFrame:
    classes = np.array(subject.problem.classes)
    train, test = subject.problem.train, subject.problem.test
    given = subject.test_rows
    records = []
    for found, name in ((content, "by_content"), (features, "by_features")):
        if found is None:
            continue
        counted = near if name == "by_content" else np.zeros_like(near)
        for i in np.lexsort((-found.similarity, ~counted))[:LISTED].tolist():
            j = int(rows[found.row[i]])
            records.append(
                {
                    "test": int(given[i]),
                    "training": j,
                    "test_label": str(classes[test.y[i]]),
                    "label": str(classes[train.y[j]]),
                    "counted": bool(counted[i]),
                    "by_content": float(found.similarity[i]) if name == "by_content" else None,
                    "by_features": float(found.similarity[i]) if name == "by_features" else None,
                    "position": i,
                }
            )
    frame = pd.DataFrame(records)
    return frame.astype({"by_content": float, "by_features": float})


def _has_detail(x: NDArray[Any]) -> bool:
    return x.ndim == 4 and min(x.shape[2:]) >= SMALLEST


def _comparable(test: NDArray[Any], train: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Both as their content is compared: a table's column of large numbers must not decide alone."""
    if _has_detail(train):
        return image_detail(test), image_detail(train)
    if train.ndim != 2:
        return test, train
    deviation = train.std(0, dtype=np.float64)
    deviation[deviation == 0] = 1.0
    return test / deviation, train / deviation


def _by_features(subject: AuditSubject, rows: NDArray[np.int64], budget: Budget) -> tuple[Nearest | None, str]:
    """Nearest training examples by features; None with the reason where the network has none."""
    if subject.network is None:
        return None, "no features: the model is no network"
    most = budget.affordable("near duplicates", 2 * subject.seconds_each, len(rows) + len(subject.problem.test))
    if most < len(rows) + len(subject.problem.test):
        return None, "features of so many examples would take too long; --full has no limit"
    layers = [module for module in subject.network.modules() if isinstance(module, nn.Linear)]
    if not layers:
        return None, "no features: the network has no linear layer"
    train = _features(subject.network, layers, batches(subject.problem, subject.network, order=torch.from_numpy(rows)))
    test = _features(subject.network, layers, batches(subject.problem, subject.network, "test"))
    if train is None or test is None:
        return None, "no features: the input of the last linear layer is no row an example"
    return nearest(test, train, seed=subject.seed), ""


def _features(network: nn.Module, layers: list[nn.Linear], data: Any) -> NDArray[np.float32] | None:
    """The input of the linear layer that is called last, ``[N, D]``; None where that is not one row an example."""
    seen: list[Tensor] = []
    handles = [layer.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0])) for layer in layers]
    parts = []
    try:
        with torch.inference_mode():
            for x, _ in data:
                seen.clear()
                network(x)
                if not seen or seen[-1].ndim != 2 or len(seen[-1]) != len(x):
                    return None
                parts.append(seen[-1][:, :WIDEST].float().cpu().numpy())
    finally:
        for handle in handles:
            handle.remove()
    return np.concatenate(parts)

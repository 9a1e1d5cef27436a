"""Suspicious examples: cheap scores of one training, out-of-fold predictions, and how well scores find wrong labels."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from scipy.special import softmax
from torch import nn

from gengap.arguments import finite_array
from gengap.arrays import Floats, Ints
from gengap.data import Problem, Split
from gengap.errors import InputError
from gengap.network.cross_entropy import losses
from gengap.network.gradients import gradient_norm_report, scaled_gradients
from gengap.network.inputs import batches, class_scores
from gengap.probes.easy_examples import learning_events
from gengap.probes.retraining import check_converged
from gengap.seeds import generator
from gengap.train import Execution, Recipe, train

DAMPING = 0.1  # of the diagonal curvature, in units of its mean


class Detection(NamedTuple):
    """How well a score finds wrong labels, where the larger score is the more suspicious.

    Where examples have the same score, all numbers are expectations over their order.

    Attributes:
        auroc: Probability that a wrong label has a larger score than a right one; ties count half.
        precision, recall, f1: Of the examples flagged.
        flagged: How many those are.
        found_in_a_tenth: Share of the wrong labels among the tenth with the largest scores.
    """

    auroc: float
    precision: float
    recall: float
    f1: float
    flagged: int
    found_in_a_tenth: float


def cheap_scores(
    problem: Problem, recipe: Recipe, *, seed: int = 0, execution: Execution | None = None
) -> dict[str, Floats]:
    """Scores ``[N]`` from one training, each larger for the more suspicious example.

    ``mean_loss`` and ``mean_margin`` (with its sign turned) over the ends of epochs, ``times_wrong`` the share of them
    at which it is misclassified, ``forgetting`` how often it is forgotten, ``gradient_norm`` the mean norm of its
    gradient, and ``self_influence`` of ``snapshot_scores`` at the end.

    Source: Pleiss et al. 2020 (arXiv:2001.10528) for margins, Toneva et al. 2019 (arXiv:1812.05159) for forgetting,
    Paul et al. 2021 (arXiv:2107.07075) for gradient norms, Koh and Liang 2017 (arXiv:1703.04730) for influence.

    Args:
        problem: Whose training examples are scored.
        recipe: How to train; every epoch counts.
        seed: Of the training.
        execution: How to compute.

    Raises:
        InputError: A layer that mixes the examples of a batch in evaluation mode, or training that diverged.
    """
    recipe = recipe.model_copy(update={"snapshots": tuple(range(recipe.epochs + 1))})
    run = train(problem, recipe, seed, execution=execution)
    check_converged([run])
    parts = [_scores_of(run.model(epoch), problem) for epoch in sorted(run.snapshots) if epoch]
    events = learning_events(np.stack([part["margin"] < 0 for part in parts]))  # a margin whose sign is turned
    return {
        "mean_loss": np.mean([part["loss"] for part in parts], axis=0),
        "mean_margin": np.mean([part["margin"] for part in parts], axis=0),
        "times_wrong": 1 - events.share,
        "forgetting": events.forgotten.astype(np.float64),
        "gradient_norm": np.mean([part["gradient_norm"] for part in parts], axis=0),
        "self_influence": _self_influence(run.model(), problem),
    }


def snapshot_scores(model: nn.Module, problem: Problem) -> dict[str, Floats]:
    """Scores ``[N]`` of a network as it is, each larger for the more suspicious training example.

    ``loss``, ``margin`` with its sign turned, ``gradient_norm``, and ``self_influence``, ``g^T (F + lambda I)^-1 g`` of
    the last linear layer with the diagonal F of squared gradients.

    Args:
        model: In the mode that it is in.
        problem: Whose training examples are scored.

    Raises:
        InputError: A layer that mixes the examples of a batch, or no linear layer.
    """
    return {**_scores_of(model, problem), "self_influence": _self_influence(model, problem)}


def _scores_of(model: nn.Module, problem: Problem) -> dict[str, Floats]:
    y, rows = problem.train.y, np.arange(len(problem.train))
    scores = class_scores(model, problem, problem.train.x)
    others = scores.copy()
    others[rows, y] = -np.inf
    return {
        "loss": losses(torch.tensor(scores), torch.tensor(y)).numpy(),
        "margin": others.max(1) - scores[rows, y],
        "gradient_norm": np.concatenate(
            [gradient_norm_report(model, a, b).norms.cpu().numpy() for a, b in batches(problem, model)]
        ),
    }


def _self_influence(model: nn.Module, problem: Problem) -> Floats:
    """``sum_p g_p^2 / (F_p + lambda)`` over the parameters of the last linear layer."""
    layers = [name for name, module in model.named_modules() if isinstance(module, nn.Linear)]
    if not layers:
        raise InputError("The network has no linear layer.", expected="one that gives the scores")
    names = [f"{layers[-1]}.{part}" for part, _ in model.get_submodule(layers[-1]).named_parameters()]
    squares, scales = [], []
    for x, y in batches(problem, model):
        parts, log_scales = scaled_gradients(model, x, y, parameters=names)
        squares.append(torch.cat([g.flatten(1) for g in parts.values()], 1).double().square())
        scales.append(log_scales)
    sizes = torch.cat(scales)
    whole = torch.cat(squares) * (2 * (sizes - sizes.max())).exp()[:, None]  # a common factor does not matter
    fisher = whole.mean(0)
    result: Floats = (whole / (fisher + DAMPING * fisher.mean())).sum(1).cpu().numpy()
    return result


def out_of_fold_probabilities(
    problem: Problem, recipe: Recipe, *, folds: int = 5, seed: int = 0, execution: Execution | None = None
) -> Floats:
    """Class probabilities ``[N, C]`` of each training example, from a network that was not trained on it.

    Args:
        problem: Whose training examples are predicted.
        recipe: How to train.
        folds: At least 2.
        seed: Of the folds and the trainings.
        execution: How to compute.

    Raises:
        InputError: Fewer than two folds, fewer examples than folds, or training that diverged.
    """
    N = len(problem.train)
    fold = fold_numbers(N, folds, seed)
    result = np.zeros((N, problem.n_classes))
    few = problem.take(None, 1)
    for k in range(folds):
        used = np.flatnonzero(fold != k)
        step = {"step": "fold", "fold": k, "folds": folds, "seed": seed}
        part = few.derive(step, train=Split(problem.train.x[used], problem.train.y[used]))
        run = train(part, recipe, seed, execution=execution)
        check_converged([run])
        held = fold == k
        result[held] = softmax(class_scores(run.model(), problem, problem.train.x[held]), axis=1)
    return result


def fold_numbers(n: int, folds: int, seed: int = 0) -> Ints:
    """The fold that each of n examples is in, int ``[n]``; folds differ by one example at most.

    Args:
        n: Number of examples.
        folds: At least 2, at most n.
        seed: Of the draw.

    Raises:
        InputError: Another number of folds.
    """
    if not 2 <= folds <= n:
        raise InputError(f"{folds} folds of {n} examples.", expected=f"2 to {n} folds")
    numbers: Ints = generator(seed, "folds").permutation(n) % folds
    return numbers


def confident_errors(probabilities: ArrayLike, labels: ArrayLike) -> NDArray[np.bool_]:
    """Which labels are taken for wrong, by confident learning: ``[N]`` truth values.

    A class's threshold is the mean probability of that class over the examples that bear its label. An example counts
    for the most probable of the classes whose thresholds it reaches; its label is taken for wrong where that is
    another class.

    Source: Northcutt et al. 2021 (arXiv:1911.00068), section 3.1: the off-diagonal of the confident joint.

    Args:
        probabilities: Class probabilities ``[N, C]``, of networks that were not trained on the example they predict:
            a network's own of its training examples follow their labels, wrong ones too.
        labels: Class indices ``[N]``.

    Raises:
        InputError: Another shape, probabilities that are not finite, or labels that are no classes.

    >>> confident_errors([[0.9, 0.1], [0.8, 0.2], [0.9, 0.1], [0.1, 0.9]], [0, 0, 1, 1]).tolist()
    [False, False, True, False]
    """
    p, y = np.asarray(probabilities, dtype=np.float64), np.asarray(labels)
    fits = p.ndim == 2 and y.shape == p.shape[:1] and y.size > 0 and np.issubdtype(y.dtype, np.integer)
    if not fits or not np.isfinite(p).all() or y.min() < 0 or y.max() >= p.shape[1]:
        raise InputError(
            f"Probabilities of shape {p.shape} for labels of shape {y.shape} and type {y.dtype}.",
            expected="finite numbers [N, C] and class indices [N], whole numbers, of at least one example",
        )
    counts = np.bincount(y, minlength=p.shape[1])
    sums = np.bincount(y, weights=p[np.arange(len(y)), y], minlength=p.shape[1])
    thresholds = np.where(counts > 0, sums / np.maximum(counts, 1), np.inf)
    confident = np.where(p >= thresholds, p, -np.inf)
    wrong: NDArray[np.bool_] = np.isfinite(confident).any(1) & (confident.argmax(1) != y)
    return wrong


def detection(scores: ArrayLike, wrong: ArrayLike, *, flagged: ArrayLike | None = None) -> Detection:
    """How well scores find the wrong labels.

    Args:
        scores: ``[N]``, larger for the more suspicious.
        wrong: Whether each label is wrong, ``[N]``; some are and some are not.
        flagged: Whether each example is called wrong; None flags as many as are wrong, those with the largest scores.

    Raises:
        InputError: Shapes that differ, scores that are no finite numbers, what is no truth value, or none or all labels
            wrong.

    >>> detection([3.0, 2.0, 1.0, 0.0], [True, False, True, False])[:4]
    (0.75, 0.5, 0.5, 0.5)
    """
    s, w = finite_array(scores, "scores", ndim=1), _truth_values(wrong, "wrong")
    if s.shape != w.shape or w.all() or not w.any():
        raise InputError(
            f"{s.size} scores for {w.size} labels, {int(w.sum())} of them wrong.",
            expected="a finite score for each label, some of them wrong and some right",
        )
    from scipy.stats import rankdata  # here, since other probes start faster without

    bad, good = int(w.sum()), int((~w).sum())
    auroc = (rankdata(s)[w].sum() - bad * (bad + 1) / 2) / (bad * good)
    if flagged is None:
        called, hits = bad, _wrong_among_largest(s, w, bad)
    else:
        flags = _truth_values(flagged, "flagged")
        if flags.shape != s.shape:
            raise InputError(f"{flags.size} flags for {s.size} scores.", expected="a truth value for each score")
        called, hits = int(flags.sum()), float((flags & w).sum())
    precision, recall = hits / max(1, called), hits / bad
    f1 = 2 * precision * recall / (precision + recall) if hits else 0.0
    tenth = _wrong_among_largest(s, w, max(1, len(s) // 10)) / bad
    return Detection(float(auroc), precision, recall, f1, called, tenth)


def _truth_values(values: ArrayLike, name: str) -> NDArray[np.bool_]:
    given = finite_array(values, name, ndim=1)
    if not np.isin(given, (0, 1)).all():
        raise InputError(f"{name} holds numbers other than 0 and 1.", expected="a truth value for each example")
    truth: NDArray[np.bool_] = given == 1
    return truth


def _wrong_among_largest(scores: Floats, wrong: NDArray[np.bool_], count: int) -> float:
    """Expected number of wrong labels among the ``count`` largest scores, where equal ones come in random order."""
    last = np.partition(scores, -count)[-count]
    above, tied = scores > last, scores == last
    places = count - above.sum()
    return float(wrong[above].sum() + places * wrong[tied].mean())


def agreement(scores: Mapping[str, ArrayLike], reference: ArrayLike) -> dict[str, float]:
    """Spearman's rank correlation of each score with a reference, over the examples where the reference is known.

    Args:
        scores: Name -> ``[N]``.
        reference: ``[N]``, such as memorisation scores; NaN where unknown.

    Raises:
        InputError: Shapes that differ, or scores that are not finite.

    >>> agreement({"loss": [3.0, 1.0, 2.0, 9.0]}, [0.5, 0.1, 0.2, float("nan")])
    {'loss': 1.0}
    """
    from scipy.stats import rankdata  # here, as above

    known = np.asarray(reference, dtype=np.float64)
    there = np.isfinite(known)
    result = {}
    for name, values in scores.items():
        if np.shape(values) != known.shape or known.ndim != 1 or not np.isfinite(np.asarray(values, float)).all():
            raise InputError(
                f"{name}: {np.isfinite(np.asarray(values, float)).sum()} finite scores of {np.size(values)}, against "
                f"{known.size} examples of the reference.",
                expected="a finite score for each example of the reference",
            )
        a, b = rankdata(np.asarray(values)[there]), rankdata(known[there])
        spread = a.std() * b.std()
        result[name] = float(((a - a.mean()) * (b - b.mean())).mean() / spread) if spread else float("nan")
    return result

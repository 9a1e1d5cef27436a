"""Parts that read a network's weights: normalised losses and the catalogue of measures."""

import math
from typing import Any

import pandas as pd

from gengap.errors import counted
from gengap.measures import all_measures, measure, record, record_provenance
from gengap.measures.normalisation import normalised_losses_of
from gengap.network.inputs import Part as SplitName
from gengap.network.inputs import examples
from gengap.network.passes import Evaluation
from gengap.report import Fact, Facts, Table, Text, plain
from gengap.tasks.audit.part import TOO_LONG, Budget, Part
from gengap.tasks.audit.subject import AuditSubject
from gengap.tasks.measure import note_text, quoted, value_text

QUICK = frozenset({"search", "gradients"})  # what the measures of a quick audit do without
QUICK_WITHOUT = frozenset({"mixup_response", "mixup_response_same_label"})  # and these: 5,000 passes of an example each
MEASURED = 256  # training examples of measures at least, and in a quick audit at most
SEARCH_PASSES = 300.0  # forward passes of an example that all searches for a perturbation cost, roughly
NO_FORECAST = (
    "The normalised loss is no forecast of the test loss. Liao et al. 2018 report that at one training loss it lies on "
    "a line with the normalised test loss. In gengap's own runs of that paper it orders networks as their test errors "
    "do when they differ by pretraining and have batch norm (Kendall's tau 0.87), but not without batch norm (-0.14), "
    "and not when they differ by their seed alone (-0.4)."
)
FULL_PASS = 12.0  # forward passes of an example that the pass with gradients costs, roughly


def losses_part(subject: AuditSubject) -> Part:
    """Losses of the network with every layer's weights divided by their norm."""
    network, train = subject.module(), subject.trained()
    seen: dict[SplitName, Evaluation] = {"train": train.seen, "test": subject.test.seen}
    found = normalised_losses_of(network, examples(subject.problem, slice(2), network)[0], seen)
    values = {"train": found["frobenius_train_loss"], "test": found["frobenius_test_loss"], **found}
    rows = pd.DataFrame(
        [
            {
                "norm": name,
                "product_of_norms": found[f"{key}_product_norm"],
                "training_loss": found[f"{key}_train_loss"],
                "test_loss": found[f"{key}_test_loss"],
                "training_signal": found[f"{key}_train_signal"],
                "test_signal": found[f"{key}_test_signal"],
            }
            for key, name in (("frobenius", "Frobenius"), ("l1", "L1 over 100"))
        ]
    )
    missing = [name for name, value in found.items() if value is None]
    return Part(
        "normalised_loss",
        "",
        f"With every layer's weights divided by their Frobenius norm the loss is {_nats(values['train'])} on the "
        f"training and {_nats(values['test'])} on the test split.",
        values,
        lambda: [
            Table(
                rows,
                "Losses and signals of the normalised network, in nats",
                {str(name): ".6g" for name in list(rows)[1:]},
            ),
            Text([_beside_guessing(rows, subject.problem.n_classes), NO_FORECAST]),
        ],
        f"{train.sample} training examples, {subject.test.sample} test examples",
        status="partial" if missing else "ok",
        reason=f"beyond float64: {', '.join(missing)}" if missing else "",
    )


def measures_part(subject: AuditSubject, budget: Budget, *, quick: bool, full: bool) -> tuple[Part, pd.DataFrame]:
    """Every complexity measure that the time allows, each with its record as a predictor of the gap."""
    network = subject.module()
    count = len(subject.trained())
    left_out = QUICK if quick else frozenset[str]()
    if quick:
        count = min(count, MEASURED)
    elif not full:
        passes = 4 * FULL_PASS + SEARCH_PASSES
        count = budget.affordable("measures", passes * subject.seconds_each, count, least=min(count, MEASURED))
        if SEARCH_PASSES * count * subject.seconds_each > TOO_LONG * budget.of("measures"):
            left_out |= {"search"}
    problem, _ = subject.sampled(count, "measures")
    unasked = QUICK_WITHOUT if quick else frozenset[str]()
    chosen = [one.name for one in all_measures() if one.needs.isdisjoint(left_out) and one.name not in unasked]
    rows = measure(
        network,
        problem,
        measures=chosen if left_out else None,
        seed=subject.seed,
        device=str(next(network.parameters()).device),
        full=full,
        progress=lambda done, total, text: budget.tell(text, done / (total or 100), "measures"),
    )
    named = [record(name) for name in rows["name"]]
    rows["record"] = [None if one is None else one.sentence for one in named]
    counts = rows["status"].value_counts()
    left = len(all_measures()) - len(chosen)
    missing = list(dict.fromkeys(name for names in rows["not_covered"] for name in names))
    facts = [
        Fact("Measures without reservation", f"{counts.get('ok', 0)} of {len(rows)}"),
        Fact("Layers that some measure leaves out", quoted(missing) or "none"),
    ]
    texts = [
        "No measure is a verdict by itself: its value means something beside that of another network of the same "
        "architecture, trained on as many examples.",
        _records_words(rows),
    ]
    of_left = counted(left, "measure")
    reason = f"left out of a quick audit: {of_left} by search, by derivatives or by mixed examples" if left else ""
    if left and not quick:
        reason = f"{of_left} by search for a perturbation would take too long; --full has no limit"
    part = Part(
        "measures",
        "",
        f"Measures with a value without reservation: {counts.get('ok', 0)} of {len(rows)}.",
        {"counts": {str(name): int(count) for name, count in counts.items()}, "left_out": left},
        lambda: [Facts(facts), Text(texts), _table(rows)],
        f"{len(problem.train):,} training examples; searches on {rows.attrs['subset']:,}",
        status="partial" if left else "ok",
        reason=reason,
        not_covered=missing,
    )
    return part, rows


def _table(rows: pd.DataFrame) -> Table:
    records = rows.to_dict("records")
    shown: dict[str, Any] = {
        "measure": [row["name"] for row in records],
        "value": [value_text(row) for row in records],
        "with the gap it": ["rises" if row["sign"] > 0 else "falls" for row in records],
        "under rescaling it": ["stays" if row["rescaling_invariant"] else "changes" for row in records],
    }
    if rows["record"].notna().any():
        shown["on trial it"] = [row["record"] or "was not tried" for row in records]
    shown["status"] = [note_text(row) or "ok" for row in records]
    return Table(pd.DataFrame(shown), "The measures of this network")


def _records_words(rows: pd.DataFrame) -> str:
    if not rows["record"].notna().any():
        return "How each measure fared as a predictor of the gap is not recorded in this version."
    how = record_provenance()
    where = f" ({how['networks']})" if isinstance(how.get("networks"), str) else ""
    return (
        f"The record says how each measure fared on trial: whether it follows the gap, and what else moves it{where}."
    )


def _beside_guessing(rows: pd.DataFrame, n_classes: int) -> str:
    """Each norm's two losses beside that of a network that answers alike for every class."""
    alike = math.log(n_classes)
    lines = [
        f"with the {row['norm']} norm the training loss {_apart(row['training_loss'], alike)} and the test loss "
        f"{_apart(row['test_loss'], alike)}"
        for row in rows.to_dict("records")
    ]
    return (
        f"A network that answers alike for every class has a loss of ln {n_classes} = {plain(alike, 6)} nats. Beside "
        f"it, {'; '.join(lines)}. What counts is how far below it they lie, and by how much test and training differ."
    )


def _apart(loss: float | None, alike: float) -> str:
    """How far a loss lies from that of answering alike.

    >>> _apart(0.2, 0.7), _apart(0.8, 0.7), _apart(0.7 - 1e-9, 0.7)
    ('lies 0.5 below', 'lies 0.1 above', 'is the same to six digits')
    """
    if loss is None or math.isnan(loss):
        return "is beyond float64"
    if abs(loss - alike) < 1e-6 * alike:
        return "is the same to six digits"
    return f"lies {plain(abs(loss - alike), 3)} {'below' if loss < alike else 'above'}"


def _nats(value: float | None) -> str:
    return "beyond float64" if value is None else f"{plain(value, 6)} nats"

"""Studies of memorisation: their data and networks, and made-up rows that refute each part of their claims."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from gengap.studies import find_studies
from gengap.studies.arpit2017 import capacity, critical_samples, regularisers
from gengap.studies.arpit2017.trainings import Descent, Regularisation, convolutional, images, perceptron
from gengap.studies.chatterjee2020 import smoothing
from gengap.studies.feldman2020 import agreement

Row = dict[str, Any]


def refuted(study: str, rows: list[Row]) -> list[str]:
    return [part.part for part in find_studies(study)[0].check(rows) if part.finding == "does not hold"]


def test_noise_replaces_the_share_that_is_asked_for_and_nothing_else() -> None:
    clean = images("digits", (400, 50), "labels", 0.0, 3)
    noisy = images("digits", (400, 50), "labels", 0.5, 3)
    assert torch.equal(clean.x, noisy.x)
    assert (
        0.35 < float((clean.y != noisy.y).double().mean()) < 0.55
    )  # a tenth of the labels drawn anew are the old ones
    blurred = images("digits", (400, 50), "inputs", 0.5, 3)
    replaced = (blurred.x != clean.x).flatten(1).any(1)
    assert torch.equal(blurred.y, clean.y)
    assert 0.4 < float(replaced.double().mean()) < 0.6
    assert float(blurred.x[replaced].mean()) == pytest.approx(float(clean.x.mean()), abs=0.02)
    assert float(blurred.x[replaced].std()) == pytest.approx(float(clean.x.std()), rel=0.05)
    assert torch.equal(blurred.validation_x, clean.validation_x)


def test_an_epoch_is_that_of_a_loop_in_plain_pytorch() -> None:
    from gengap.seeds import stream

    data = images("digits", (100, 20), "labels", 0.0, 0)
    decayed = Regularisation(weight_decay=0.01)
    descent = Descent(data, (8,), batch=30, learning_rate=0.4, momentum=0.9, halved_every=1, regularisation=decayed)
    twin = perceptron((64, 8, 10)).double()
    twin.load_state_dict(descent.model.state_dict())
    descent.model.double()
    descent.images = replace(data, x=data.x.double(), validation_x=data.validation_x.double())
    velocity = [torch.zeros_like(p) for p in twin.parameters()]
    for epoch in (1, 2):
        descent.epoch(epoch)
        order = torch.randperm(100, generator=torch.Generator().manual_seed(stream(0, "order", epoch)))
        for index in order.split(30):
            loss = torch.nn.functional.cross_entropy(twin(data.x[index].double()), data.y[index])
            for p, v, g in zip(
                twin.parameters(), velocity, torch.autograd.grad(loss, list(twin.parameters())), strict=True
            ):
                v.mul_(0.9).add_(g + 0.01 * p.detach())
                p.data.sub_(v, alpha=0.4 * 0.5 ** (epoch - 1))
    for ours, theirs in zip(descent.model.parameters(), twin.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-10, atol=1e-12)


def test_noise_is_added_in_training_alone_and_critical_samples_are_trained_on() -> None:
    torch.manual_seed(0)
    noisy = perceptron((64, 16, 10), Regularisation(input_noise=0.5, hidden_noise=0.1, mask=0.2, dropout=0.3))
    x = torch.rand(5, 1, 8, 8)
    assert not torch.equal(noisy(x), noisy(x))
    noisy.eval()
    assert torch.equal(noisy(x), noisy(x))
    data = images("digits", (60, 20), "labels", 0.0, 0)
    plain, pulled = (
        Descent(data, (16,), batch=30, learning_rate=0.1, regularisation=Regularisation(adversarial=share, radius=0.3))
        for share in (0.0, 0.5)
    )
    points = pulled._critical(data.x)
    moved = (points != data.x).flatten(1).any(1)
    assert moved.any()
    assert float((points - data.x).abs().max()) <= 0.3 + 1e-6
    for descent in (plain, pulled):
        descent.epoch(1)
    first = [next(iter(descent.model.parameters())) for descent in (plain, pulled)]
    assert not torch.equal(*first)


def test_the_network_for_cifar10_takes_its_images() -> None:
    network = convolutional(10, Regularisation(dropout=0.1)).eval()
    assert network(torch.zeros(2, 3, 32, 32)).shape == (2, 10)
    assert [tuple(p.shape) for p in network.parameters() if p.ndim == 4] == [(200, 3, 5, 5), (200, 200, 5, 5)]


def test_averaged_weights_and_ensembles_by_hand() -> None:
    from gengap import load
    from gengap.network.inputs import class_scores

    configs = [c for c in smoothing.sweep("smoke") if c.way in ("averaged weights", "ensemble")]
    problem = load("digits").take(60, 20)
    recipe = smoothing._recipe(configs[0])
    runs = [smoothing._run(problem, recipe, seed) for seed in (0, 1)]
    averaged = next(c for c in configs if c.way == "averaged weights")  # the last half of four epochs
    model = runs[0].model()
    with torch.no_grad():
        for name, p in model.named_parameters():
            p.copy_((runs[0].snapshots[3][name] + runs[0].snapshots[4][name]) / 2)
    np.testing.assert_allclose(
        smoothing._scores(averaged, runs, problem, problem.test.x), class_scores(model, problem, problem.test.x)
    )
    both = smoothing._scores(next(c for c in configs if c.way == "ensemble"), runs, problem, problem.test.x)
    each = [torch.tensor(class_scores(run.model(), problem, problem.test.x)).softmax(1).numpy() for run in runs]
    np.testing.assert_allclose(both, (each[0] + each[1]) / 2)


SMOOTHING = {  # way, strength -> test error at noise 0.5, fit at noise 1
    ("plain", 0.0): (0.3, 1.0),
    ("dropout", 0.5): (0.2, 0.6),
    ("weight decay", 0.01): (0.2, 0.6),
    ("averaged weights", 0.5): (0.2, 0.6),
    ("ensemble", 4.0): (0.2, 0.6),
}


def smoothed(change: dict[tuple[str, float], tuple[float, float]]) -> list[Row]:
    return [
        {"noise": noise, "way": way, "strength": strength, "seed": 0, "test_error": error, "train_accuracy": fit}
        for (way, strength), (error, fit) in (SMOOTHING | change).items()
        for noise in (0.5, 1.0)
    ]


def test_each_way_of_smoothing_can_be_refuted() -> None:
    assert refuted(smoothing.NAME, smoothed({})) == []
    for way, strength in list(SMOOTHING)[1:]:
        assert refuted(smoothing.NAME, smoothed({(way, strength): (0.31, 0.6)})) == [
            f"{way} lowers the test error where labels are partly random"
        ]
        assert refuted(smoothing.NAME, smoothed({(way, strength): (0.2, 0.99)})) == [
            f"{way} lowers the fit of random labels, at the strength of the lowest test error"
        ]


def critical(**change: float) -> list[Row]:
    values = {"inputs": 0.01, "half": 0.1, "random": 0.4, "early": 0.05, "peak": 0.5, "wide": 0.9} | change
    rows = []
    for noise in ("inputs", "labels"):
        for level in (0.0, 0.4, 0.8):
            for epoch in (0, 1, 100):
                late = {0.0: 0.003, 0.4: values["half"], 0.8: values["random"]}[level]
                ratio = late if noise == "labels" else values["inputs"]
                rows.append(
                    {
                        **{"scale": "desk", "noise": noise, "level": level, "epoch": epoch, "seed": 0},
                        "critical_ratio": ratio if epoch == 100 else values["early"],
                        "wide_critical_ratio": values["wide"] if level == 0.8 else 0.1 + level,
                        "validation_accuracy": 0.3 if epoch == 100 else values["peak"],
                        "train_accuracy": 1.0,
                    }
                )
    return rows


@pytest.mark.parametrize(
    ("change", "part"),
    [
        ({"half": 0.5}, "more noise on labels gives more critical samples in the paper's box"),
        ({"inputs": 0.5}, "noise on inputs raises it less than noise on labels"),
        ({"early": 0.5}, "it grows while random labels are memorised"),
        ({"peak": 0.3}, "validation accuracy falls from an early peak"),
        ({"wide": 0.2}, "more noise on labels gives more critical samples in a box of a hundredth of the range"),
    ],
)
def test_each_part_about_critical_samples_can_be_refuted(change: dict[str, float], part: str) -> None:
    assert refuted(critical_samples.NAME, critical()) == []
    assert refuted(critical_samples.NAME, critical(**change)) == [part]


def regularised(change: dict[tuple[str, float], tuple[float, float]]) -> list[Row]:
    fits = {
        ("none", 0.0): (1.0, 0.9),
        ("dropout", 0.5): (0.5, 0.9),
        ("weight decay", 0.001): (0.99, 0.9),
        ("adversarial", 0.5): (0.5, 0.9),
    } | change
    return [
        {
            **{"regulariser": name, "strength": strength, "labels": labels, "seed": 0},
            "train_accuracy": fit if labels == "random" else 1.0,
            "best_validation_accuracy": validation,
        }
        for (name, strength), (fit, validation) in fits.items()
        for labels in ("real", "random")
    ]


@pytest.mark.parametrize(
    ("change", "parts"),
    [
        ({("dropout", 0.5): (0.95, 0.9)}, ["dropout hinders memorising, and real data are learned as well"]),
        (
            {("dropout", 0.5): (0.995, 0.9)},
            ["dropout hinders memorising, and real data are learned as well", "dropout does so more than weight decay"],
        ),
        ({("adversarial", 0.5): (0.95, 0.9)}, ["adversarial hinders memorising, and real data are learned as well"]),
        ({("weight decay", 0.001): (0.4, 0.9)}, ["dropout does so more than weight decay"]),
        ({("weight decay", 0.1): (0.1, 0.5)}, []),  # where nothing is learned either, it does not count
        (
            {("dropout", 0.5): (0.5, 0.12)},
            ["dropout hinders memorising, and real data are learned as well", "dropout does so more than weight decay"],
        ),
        ({("weight decay", 0.001): (0.1, 0.5)}, []),
    ],
)
def test_each_part_about_regularisers_can_be_refuted(change: dict, parts: list[str]) -> None:
    assert refuted(regularisers.NAME, regularised({})) == []
    assert refuted(regularisers.NAME, regularised(change)) == parts


def capacities(**change: float) -> list[Row]:
    values = {"inputs": 0.6, "labels": 0.6, "faster": 20.0, "slower": 10.0} | change
    rows = []
    for noise in ("inputs", "labels"):
        for level in (0.0, 0.8):
            for units in (256, 1024):
                accuracy = 0.9 if level == 0.0 else (0.9 if units == 1024 else values[noise])
                epochs = {(0.0, 256): 20, (0.0, 1024): 16, (0.8, 256): 100, (0.8, 1024): values["faster"]}[level, units]
                rows.append({"noise": noise, "level": level, "units": units, "examples": 1000, "epochs_to_fit": epochs})
                rows[-1] |= {"scale": "desk", "seed": 0, "validation_accuracy": accuracy}
    for level, epochs in ((0.0, 16.0), (0.8, values["slower"])):
        rows.append({"noise": "inputs", "level": level, "units": 1024, "examples": 125, "epochs_to_fit": epochs})
        rows[-1] |= {"scale": "desk", "seed": 0, "validation_accuracy": 0.5}
    return capacity.with_ratios(rows)


@pytest.mark.parametrize(
    ("change", "part"),
    [
        ({"inputs": 0.9}, "with noise on inputs capacity pays more"),
        ({"labels": 0.9}, "with noise on labels capacity pays more"),
        ({"faster": 90.0, "slower": 45.0}, "capacity shortens the fit of noise more"),
        ({"slower": 30.0}, "more examples lengthen the fit of noise more"),
    ],
)
def test_each_part_about_capacity_can_be_refuted(change: dict[str, float], part: str) -> None:
    assert refuted(capacity.NAME, capacities()) == []
    assert refuted(capacity.NAME, capacities(**change)) == [part]


def test_times_are_over_those_of_the_smallest_and_unknown_where_nothing_was_fitted() -> None:
    rows = capacities()
    by = {(r["noise"], r["level"], r["units"], r["examples"]): r for r in rows}
    assert by["labels", 0.8, 1024, 1000]["time_over_smallest_network"] == 0.2
    assert by["inputs", 0.8, 1024, 1000]["time_over_smallest_set"] == 2.0
    assert by["labels", 0.8, 1024, 1000]["time_over_smallest_set"] is None  # there is no smaller set of it
    never = [row | {"epochs_to_fit": None} if row["units"] == 256 else row for row in rows]
    assert {row["time_over_smallest_network"] for row in capacity.with_ratios(never)} == {None}


def agreements(**change: float) -> list[Row]:
    values = {"wrong": 0.9, "margin": 0.6, "loss": 0.6, "final": 0.4, "error": 0.02, "share": 0.2} | change
    scores = {"mean_margin": values["margin"], "mean_loss": values["loss"], "final_loss": values["final"]}
    return [
        {
            **{"noise": noise, "score": score, "seed": 0, "rank_correlation": value},
            "rank_correlation_error": values["error"] if score == "mean_loss" else 0.02,
            "mean_score_wrong": values["wrong"] if noise else None,
            "mean_score_right": 0.1,
            "memorised_share": values["share"],
        }
        for noise in (0.0, 0.1)
        for score, value in scores.items()
    ]


@pytest.mark.parametrize(
    ("change", "part"),
    [
        ({"wrong": 0.3}, "wrong labels are memorised, others less"),
        ({"margin": 0.5, "final": 0.3}, "the mean margin agrees with memorisation"),
        ({"share": 0.48}, "fewer than half of the others are memorised"),
        ({"loss": 0.5}, "the mean loss agrees with memorisation"),
        (
            {"error": 0.06, "loss": 0.7, "margin": 0.8, "final": 0.6},
            "the loss over training agrees better than the final loss",
        ),
        ({"margin": 0.61, "loss": 0.8, "final": 0.6}, "the margin over training agrees better than the final loss"),
    ],
)
def test_each_part_about_memorisation_can_be_refuted(change: dict[str, float], part: str) -> None:
    assert refuted(agreement.NAME, agreements()) == []
    assert refuted(agreement.NAME, agreements(**change)) == [part]


def test_agreement_and_its_error_by_hand() -> None:
    from gengap.probes import Memorisation

    random = np.random.default_rng(0)
    included = random.random((40, 30)) < 0.7
    chance = np.linspace(0.05, 0.95, 30)
    correct = np.where(included, True, random.random((40, 30)) < chance)
    found = Memorisation(included, correct, np.ones((40, 2), bool))
    config = agreement.Config("smoke", 0.0, "mean_loss")
    row = agreement._of_a_score(config, found, {"mean_loss": 1 - chance}, 0)
    from scipy.stats import spearmanr

    assert row["rank_correlation"] == pytest.approx(spearmanr(1 - chance, found.scores).statistic)
    assert 0.01 < row["rank_correlation_error"] < 0.2
    assert row["auroc_memorised"] > 0.8
    halves = agreement._of_a_score(agreement.Config("smoke", 0.0, "other_half"), found, {}, 0)
    assert 0.5 < halves["rank_correlation"] < 1
    assert "rank_correlation_error" not in halves


def ranked(low: float = 0.0, high: float = 1.0, noise: tuple[float, float] = (0.05, 0.15), seed: int = 0) -> list[Row]:
    shares = {"real": (low, high), "randX": (0.05, 0.15), "randY": noise}
    return [
        {"scale": "desk", "data": data, "rank": rank, "seed": seed, "share_correct": value}
        for data, values in shares.items()
        for rank, value in zip((100, 900), values, strict=True)
    ]


def test_the_network_has_an_output_for_each_class_also_where_few_are_validated() -> None:
    data = images("digits", (30, 3), "labels", 0.0, 0)
    assert int(data.validation_y.max()) < 9
    assert Descent(data, (8,), batch=30, learning_rate=0.1).model(data.x[:2]).shape == (2, 10)


def test_each_part_about_easy_examples_can_be_refuted() -> None:
    name = "arpit2017/easy_examples"
    assert refuted(name, ranked()) == []
    assert refuted(name, ranked(low=0.1, high=0.9)) == ["real data have easy and hard examples"]
    assert refuted(name, ranked(high=0.6)) == ["real data have easy and hard examples"]
    for noise in ((0.0, 1.0), (0.0, 0.0), (1.0, 1.0), (0.1, 0.79)):
        assert refuted(name, ranked(noise=noise)) == ["noise has far fewer of either"]
    assert refuted(name, ranked() + ranked(high=0.5, seed=1)) == ["real data have easy and hard examples"]


def matrix(first: float = 2.0, real: float = 2.0, random: float = 3.0) -> list[Row]:
    own = {"real": real, "random": random}
    return [
        {
            **{"data": data, "of_loss": i, "of_inputs": j, "seed": 0},
            "train_accuracy": 0.9,
            "sensitivity": (first if i == 0 else own[data]) if i == j else 1.0,
        }
        for data in ("real", "random")
        for i in range(3)
        for j in range(3)
    ]


def test_each_part_about_classes_can_be_refuted() -> None:
    name = "arpit2017/class_sensitivity"
    assert refuted(name, matrix()) == []
    assert refuted(name, matrix(first=0.9)) == ["a class's loss depends most on inputs of that class"]
    assert refuted(name, matrix(real=4.0)) == ["more of it is between classes on real data"]

"""The table: a row for every measure of every network, and what unusable input is told."""

import copy
import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from measured_networks import CLASSES, NETWORKS, InPlace, fitted, mlp, network, problem
from torch import Tensor, nn

from gengap.data import Problem, Split
from gengap.errors import InputError
from gengap.json_text import json_ready
from gengap.measures import Subject, all_measures, measure

STATUSES = {"ok", "partial", "skipped", "not converged"}


@pytest.mark.parametrize("name", NETWORKS)
def test_every_measure_has_a_row_and_what_is_missing_has_a_reason(name: str) -> None:
    model = network(name)
    before = copy.deepcopy(model.state_dict())
    rows = measure(fitted(copy.deepcopy(model), 5), problem(), model, subset=16)
    assert rows["name"].tolist() == [one.name for one in all_measures()]
    assert set(rows["status"]) <= STATUSES
    for row in rows.to_dict("records"):
        told = f"{row['name']}: {row['status']}, {row['value']}, {row['reason']}"
        assert row["status"] == "ok" or row["reason"], told
        assert pd.notna(row["value"]) or row["reason"], told
        assert not row["reason"].startswith("error"), told
    assert all(torch.equal(before[key], value) for key, value in model.state_dict().items())
    json.dumps(json_ready(rows), allow_nan=False)


class _Sparing(InPlace):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.clone())


def test_a_network_that_overwrites_its_input_is_measured_as_one_that_does_not() -> None:
    model = fitted(network("in place"), 20)
    twin = _Sparing()
    twin.load_state_dict(model.state_dict())
    names = ["fisher_rao", "margin_mean", "gradient_noise_final", "pacbayes_flatness", "sharpness_flatness"]
    found = [measure(each, problem(130), measures=names, subset=130) for each in (model, twin)]
    assert set(found[0]["status"]) == {"ok"}
    pd.testing.assert_series_equal(found[0]["value"], found[1]["value"])


def test_a_layer_that_no_rule_covers_makes_partial_exactly_what_is_made_of_weights() -> None:
    model = network("lstm")
    rows = measure(model, problem(), model, subset=16)
    for row in rows.to_dict("records"):
        if row["status"] in ("ok", "partial"):
            assert (row["status"] == "partial") == ("weights" in row["needs"]), row["name"]
            assert ("lstm" in row["not_covered"]) == ("weights" in row["needs"]), row["name"]


def test_without_initial_weights_what_needs_them_is_skipped() -> None:
    rows = measure(network("mlp"), problem(), measures=["fro_dist", "param_norm"])
    assert rows["status"].tolist() == ["skipped", "ok"]
    assert rows["reason"][0] == "needs the weights at initialisation"


def test_initial_weights_may_be_a_module_or_a_state_dict() -> None:
    model, initial = network("resnet", 0), network("resnet", 1)
    with_module = measure(model, problem(), initial, measures=["fro_dist"])["value"][0]
    assert measure(model, problem(), initial.state_dict(), measures=["fro_dist"])["value"][0] == with_module > 0
    assert measure(model, problem(), model, measures=["fro_dist"])["value"][0] == 0


def test_the_answer_does_not_depend_on_what_else_is_asked() -> None:
    model = fitted(network("mlp"))
    every = measure(model, problem(), network("mlp"), subset=16).set_index("name")
    for name in ("prod_of_fro_over_margin", "fro_dist"):
        alone = measure(model, problem(), network("mlp"), subset=16, measures=[name]).iloc[0]
        assert alone["value"] == pytest.approx(every.loc[name, "value"], rel=1e-6)


def test_complexity_is_the_root_of_mu_over_m_or_half_its_logarithm() -> None:
    rows = measure(network("mlp"), problem(), measures=["param_norm", "prod_of_fro"]).set_index("name")
    value = rows["value"]
    assert rows.loc["param_norm", "complexity"] == pytest.approx((value["param_norm"] / 48) ** 0.5)
    assert rows.loc["prod_of_fro", "complexity"] == pytest.approx(0.5 * np.log(value["prod_of_fro"] / 48))


def test_progress_names_each_measure() -> None:
    told: list[tuple[int, int, str]] = []
    measure(network("mlp"), problem(), measures=["l2", "params"], progress=lambda *step: told.append(step))
    assert told == [(0, 100, "params"), (50, 100, "l2")]


class _Returning(nn.Module):
    def __init__(self, make: Any):
        super().__init__()
        self.inner, self._make = mlp(), make

    def forward(self, x: Tensor) -> Any:
        return self._make(self.inner(x))


@pytest.mark.parametrize(
    ("make", "output", "offered"),
    [
        (lambda scores: {"hidden": scores[:, :2], "logits": scores}, "logits", "'hidden' (2, 2), 'logits' (2, 4)"),
        (lambda scores: (scores, None), 0, "0 (2, 4), 1"),
        (lambda scores: (scores, None), "0", "tuple"),
    ],
    ids=["dict", "tuple", "index as text"],
)
def test_the_output_that_holds_the_scores_is_named(make: Any, output: Any, offered: str) -> None:
    torch.manual_seed(0)
    model = _Returning(make)
    with pytest.raises(InputError) as told:
        measure(model, problem(), measures=["l2"])
    assert offered in str(told.value)
    assert "output=" in str(told.value)
    margin = measure(model, problem(), output=output, measures=["margin_mean"])["value"][0]
    assert margin == pytest.approx(measure(model.inner, problem(), measures=["margin_mean"])["value"][0])
    with pytest.raises(InputError, match="no 'scores'"):
        measure(model, problem(), output="scores", measures=["l2"])


def _spoilt(value: float) -> nn.Module:
    model = network("mlp")
    with torch.no_grad():
        model[3].weight[0, 0] = value  # type: ignore[index]
    return model


def _other_shape() -> dict[str, Tensor]:
    return {**network("mlp").state_dict(), "3.weight": torch.zeros(10, 11)}


def _lacking() -> dict[str, Tensor]:
    state = {f"x.{name}" if name == "1.bias" else name: value for name, value in network("mlp").state_dict().items()}
    return state


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"model": _spoilt(float("nan"))}, "Weights of the network are NaN or infinite: 3.weight"),
        ({"initial": _spoilt(float("inf"))}, "Weights of the initial network are NaN or infinite: 3.weight"),
        (
            {"initial": _other_shape()},
            "3.weight of the initial network has shape (10, 11), that of the network has shape (10, 12)",
        ),
        ({"initial": _lacking()}, "the initial network lacks 1.bias and also has x.1.bias"),
        ({"initial": network("tied")}, "the initial network lacks 1.bias, 1.weight"),
        ({"initial": "start.pt"}, "the initial network is a str"),
        ({"model": nn.Linear(64, CLASSES)}, "cannot take a batch of inputs of shape (1, 8, 8)"),
        ({"model": nn.Sequential(nn.Flatten(), nn.Linear(64, 3))}, "returns shape (2, 3)"),
        ({"model": torch.relu}, "The network is a builtin_function_or_method"),
        ({"measures": ["param_nrom"]}, "param_norm"),
        ({"measures": []}, "No measure is asked for"),
        ({"subset": 0}, "A subset of 0 examples"),
        ({"problem": "digits"}, "The data are a str"),
    ],
)
def test_unusable_input_is_told(arguments: dict[str, Any], told: str) -> None:
    given = {"model": network("mlp"), "problem": problem(), "measures": ["l2"], **arguments}
    with pytest.raises(InputError) as error:
        measure(given.pop("model"), given.pop("problem"), **given)
    assert told in str(error.value)


def test_outputs_beyond_the_networks_own_type_give_no_number() -> None:
    data = problem()
    x = data.train.x.copy()
    x[5] = 3e38
    model = mlp()
    with torch.no_grad():
        model[1].weight[:] = 2.0  # type: ignore[union-attr, operator, index]  # one unit alone leaves float32
    rows = measure(model, Problem("one too large", Split(x, data.train.y), data.test, data.classes), subset=16)
    rows = rows[rows["needs"].map(lambda needs: "data" in needs and "search" not in needs)].set_index("name")
    assert rows["value"].drop("fisher_rao").isna().all()  # on 16 examples, which are others
    assert "on 1 of 48 examples" in rows["reason"]["margin_10th_percentile"]
    assert not rows["reason"].str.startswith("error").any()


def test_a_dead_layer_makes_products_zero_and_names_itself() -> None:
    model = network("mlp")
    with torch.no_grad():
        model[3].weight.zero_()  # type: ignore[union-attr, operator, index]
    rows = measure(model, problem(), model, subset=16).set_index("name")
    for name in ("prod_of_fro", "sum_of_fro"):
        assert rows.loc[name, "value"] == 0
        assert rows.loc[name, "log_value"] is None or np.isnan(rows.loc[name, "log_value"])
        assert "norm of 3 is zero" in rows.loc[name, "reason"]
    assert not rows["reason"].str.startswith("error").any()


def test_a_network_without_weight_layers_has_all_rows() -> None:
    class Constant(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.scores = nn.Parameter(torch.zeros(CLASSES))

        def forward(self, x: Tensor) -> Tensor:
            return self.scores.expand(len(x), -1)

    rows = measure(Constant(), problem(), Constant(), subset=16)
    assert not rows["reason"].str.startswith("error").any()
    assert set(rows.loc[rows["needs"].map(lambda needs: "weights" in needs), "status"]) == {"skipped"}


def test_one_example_is_enough() -> None:
    split = Split(problem().train.x[:1], problem().train.y[:1])
    rows = measure(network("mlp"), Problem("one", split, split, tuple("abcd")), network("mlp", 1))
    assert not rows["reason"].str.startswith("error").any()


def test_the_sample_is_fixed_by_the_seed_and_the_subset() -> None:
    first = Subject(network("mlp"), problem(), seed=3, subset=10).sample
    assert torch.equal(first[0], Subject(network("mlp"), problem(), seed=3, subset=10).sample[0])
    assert not torch.equal(first[0], Subject(network("mlp"), problem(), seed=4, subset=10).sample[0])
    assert torch.equal(first[0], Subject(network("mlp"), problem(), seed=3, subset=20).sample[0][:10])
    assert len(first[1]) == 10


def test_half_precision_is_measured_in_single() -> None:
    model = network("mlp")
    half = copy.deepcopy(model).half()
    values = [measure(m, problem(), measures=["param_norm"])["value"][0] for m in (half, half.float())]
    assert (
        values[0]
        == values[1]
        == pytest.approx(measure(model, problem(), measures=["param_norm"])["value"][0], rel=1e-2)
    )


class _WithSpare(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.inner, self.spare = mlp(), nn.Linear(5, 5)

    def forward(self, x: Tensor) -> Tensor:
        return self.inner(x)


def test_a_layer_that_no_pass_uses_is_not_counted_and_every_row_made_of_weights_names_it() -> None:
    model = fitted(_WithSpare())
    names = [one.name for one in all_measures() if "search" not in one.needs]
    rows, plain = (measure(m, problem(), m, measures=names).set_index("name") for m in (model, model.inner))
    assert rows["status"].tolist() == plain["status"].tolist()
    for name, row in rows.iterrows():
        counts = "weights" in row["needs"] and row["status"] != "skipped"
        assert ("spare: the scores do not depend on it, so not counted" in row["reason"]) == counts, name
    assert rows.loc["param_norm", "value"] == plain.loc["param_norm", "value"]
    assert (rows.loc["param_norm", "status"], rows.loc["param_norm", "not_covered"]) == ("ok", [])


class _Remembering(nn.Linear):
    """Has extra state, as layers of quantised networks do."""

    def get_extra_state(self) -> Any:
        return {"scale": 3.0}

    def set_extra_state(self, state: Any) -> None:
        if set(state) != {"scale"}:
            raise KeyError("scale")


def test_extra_state_that_is_no_tensor_is_passed_over() -> None:
    model = nn.Sequential(nn.Flatten(), _Remembering(64, CLASSES))
    row = measure(model, problem(), copy.deepcopy(model), measures=["fro_dist"]).iloc[0]
    assert (row["status"], row["value"]) == ("ok", 0)
    state = dict(model.state_dict())
    for other, told in (({}, "cannot be put into the network: KeyError"), (torch.ones(2), "has shape (2,)")):
        with pytest.raises(InputError) as error:
            measure(model, problem(), state | {"1._extra_state": other}, measures=["fro_dist"])
        assert told in str(error.value)

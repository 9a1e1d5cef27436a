"""Neyshabur et al. 2015 and 2019: the authors' program written out, laws, cases by hand, other networks skipped."""

import copy
import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

import gengap
from gengap.measures import Subject, all_measures, measure

NAMES = [one.name for one in all_measures() if one.family in ("neyshabur2015", "neyshabur2019")]
ANY_DEPTH = [name for name in NAMES if any(word in name for word in ("_path_", "_mu_", "_gamma_"))]
M, D, H, C = 60, 64, 12, 10


@pytest.fixture(scope="module")
def problem() -> gengap.Problem:
    digits = gengap.load("digits").take(M, 10)
    return digits.derive({"step": "one label"}, train=gengap.data.Split(digits.train.x, np.zeros(M, dtype=np.int64)))


@pytest.fixture(scope="module")
def nets() -> tuple[nn.Sequential, nn.Sequential]:
    torch.manual_seed(2)
    model, initial = (nn.Sequential(nn.Flatten(), nn.Linear(D, H), nn.ReLU(), nn.Linear(H, C)) for _ in range(2))
    with torch.no_grad():
        model[3].bias[0] += 4  # type: ignore[index, operator]
    return model, initial


@pytest.fixture(scope="module")
def table(nets: Any, problem: gengap.Problem) -> pd.DataFrame:
    return measure(*nets[:1], problem, nets[1], measures=NAMES).set_index("name")


def weights(net: nn.Sequential) -> list[np.ndarray]:
    return [p.detach().double().numpy() for p in net.parameters()]


def twin(nets: Any, problem: gengap.Problem) -> dict[str, float]:
    """Table 1 and the program that plots capacities, in its order and with its names."""
    u, b, v, c = weights(nets[0])
    u0, b0, v0, _ = weights(nets[1])
    x = Subject(nets[0], problem).inputs(slice(M)).flatten(1).double().numpy()
    f = np.maximum(x @ u.T + b, 0) @ v.T + c
    gamma = sorted(f[:, 0] - f[:, 1:].max(axis=1))[M * 5 // 100 - 1]
    assert gamma > 0
    fro1, fro2 = np.sqrt((u**2).sum()), np.sqrt((v**2).sum())
    s1, s2, s01 = (np.linalg.svd(w)[1][0] for w in (u, v, u0))
    dist1, dist2 = np.sqrt(((u - u0) ** 2).sum()), np.sqrt(((v - v0) ** 2).sum())
    l1max1, l1max2 = max(sum(abs(row)) for row in u), max(sum(abs(row)) for row in v)
    l1dist1 = sum(math.sqrt(sum(row**2)) for row in u - u0)
    l1dist2 = sum(math.sqrt(sum(row**2)) for row in v - v0)
    data_l2 = sum((row**2).sum() for row in x) / M
    data_linf = sum(max(abs(row)) ** 2 for row in x) / M
    domain_l2 = max((row**2).sum() for row in x)
    layer_norm = sum((np.maximum(u0 @ row + b0, 0) ** 2).sum() for row in x) / M
    num_param, delta = H * D + H + C * H + C, 0.01
    vc = 2 + num_param * math.log2(8 * math.e * (H + 2 * C) * math.log2(4 * math.e * (H + 2 * C))) * (
        2 * (D + 1) * H + (H + 1) * C
    ) / ((D + 1) * H + (H + 1) * C)
    plain = 3 * math.sqrt(math.log(M / delta))
    r_l1max = 8 * C * l1max1 * l1max2 * 2 * math.sqrt(math.log(D)) * math.sqrt(data_linf) / gamma
    r_fro = 8 * math.sqrt(C) * fro1 * fro2 * math.sqrt(data_l2) / gamma
    r_spec_l1 = 144 * math.log(M) * math.log(2 * num_param) * (math.sqrt(data_l2) + 1 / math.sqrt(M))
    r_spec_l1 *= ((s2 * l1dist1) ** (2 / 3) + (s1 * l1dist2) ** (2 / 3)) ** (3 / 2) / gamma
    rest = 4.5 * math.log(1 / delta) + math.log(2 * M / gamma) + 2 * math.log(2 + math.sqrt(M * data_l2))
    rest += 2 * math.log((2 + 2 * dist1) * (2 + 2 * dist2) * (2 + 2 * s1) * (2 + 2 * s2))
    r_spec_fro = 42 * 8 * s1 * math.sqrt(math.log(8 * H)) * math.sqrt(domain_l2)
    r_spec_fro *= math.sqrt(H * (s2 * dist1) ** 2 + C * (s1 * dist2) ** 2) / (math.sqrt(2) * gamma)
    r_ours = 3 * math.sqrt(2) * (math.sqrt(2 * C) + 1) * (fro2 + 1)
    r_ours *= (math.sqrt(layer_norm) + dist1 * math.sqrt(data_l2) + 1) / gamma
    last = 3 * math.sqrt(5 * H + math.log(max(1, gamma * math.sqrt(M)) / delta))
    rows_u, rows_v = [sum(abs(r)) for r in u], [sum(abs(r)) for r in v]
    l2_u, l2_v = [math.sqrt(sum(r**2)) for r in u], [math.sqrt(sum(r**2)) for r in v]
    units = [math.sqrt(sum(u[h] ** 2) + b[h] ** 2) for h in range(H)]
    impact = [math.sqrt(sum(v[:, h] ** 2)) for h in range(H)]
    return {
        "neyshabur2019_vc": D * H,
        "neyshabur2019_l1max": l1max1 * l1max2,
        "neyshabur2019_frobenius": fro1 * fro2,
        "neyshabur2019_spectral_l1": s1 * l1dist2 + l1dist1 * s2,
        "neyshabur2019_spectral_frobenius": s1 * dist2 + math.sqrt(H) * dist1 * s2,
        "neyshabur2019_distance": s01 * fro2 + dist1 * fro2 + math.sqrt(H),
        "neyshabur2019_unit_capacity": l1dist1 / H,
        "neyshabur2019_unit_impact": sum(impact) / H,
        "neyshabur2019_capacity_vc": 8 * (C * vc * math.log(math.e * max(M / vc, 1))) + 8 * math.log(2 / delta),
        "neyshabur2019_capacity_l1max": (r_l1max + plain) ** 2,
        "neyshabur2019_capacity_frobenius": (r_fro + plain) ** 2,
        "neyshabur2019_capacity_spectral_l1": (r_spec_l1 + math.sqrt(rest)) ** 2,
        "neyshabur2019_capacity_spectral_frobenius": r_spec_fro**2 + 6 * math.log(2 * M / delta),
        "neyshabur2019_capacity_distance": (r_ours + last) ** 2,
        "neyshabur2015_path_l1": float((abs(v) @ (abs(u).sum(1) + abs(b)) + abs(c)).sum()),
        "neyshabur2015_path_l2": math.sqrt((v**2 @ ((u**2).sum(1) + b**2) + c**2).sum()),
        "neyshabur2015_mu_1_inf": max(rows_u + rows_v),
        "neyshabur2015_mu_2_inf": max(l2_u + l2_v),
        "neyshabur2015_mu_2_2": math.sqrt((u**2).sum() + (v**2).sum()),
        "neyshabur2015_gamma_1_inf": max(rows_u) * max(rows_v),
        "neyshabur2015_gamma_2_inf": max(l2_u) * max(l2_v),
        "neyshabur2015_gamma_2_2": fro1 * fro2,
        "neyshabur2015_weight_decay": sum(a**2 + b**2 for a, b in zip(units, impact, strict=True)) / 2,
        "neyshabur2015_convex": sum(a * b for a, b in zip(units, impact, strict=True)),
    }


def test_measures_are_the_formulas(nets: Any, table: pd.DataFrame, problem: gengap.Problem) -> None:
    expected = twin(nets, problem)
    assert set(expected) == set(NAMES)
    assert (table.status == "ok").all()
    for name, value in expected.items():
        assert table.loc[name].value == pytest.approx(value, rel=1e-5), name
    without = table.loc["neyshabur2019_distance"].details["without_sqrt_h"]
    assert without == pytest.approx(expected["neyshabur2019_distance"] - math.sqrt(H), rel=1e-9)


def test_rescaling_changes_those_that_say_so(nets: Any, table: pd.DataFrame, problem: gengap.Problem) -> None:
    rescaled = copy.deepcopy(nets[0])
    with torch.no_grad():
        rescaled[1].weight *= 8  # exact in floating point
        rescaled[1].bias *= 8
        rescaled[3].weight /= 8
    after = measure(rescaled, problem, nets[1], measures=NAMES).set_index("name")
    for name, row in table.iterrows():
        unchanged = after.loc[name].value == pytest.approx(row.value, rel=1e-6)
        assert unchanged == row.rescaling_invariant, name


def test_weight_decay_is_least_where_units_are_balanced_and_then_the_convex_norm(
    nets: Any, table: pd.DataFrame, problem: gengap.Problem
) -> None:
    assert table.loc["neyshabur2015_weight_decay"].value > table.loc["neyshabur2015_convex"].value
    balanced = copy.deepcopy(nets[0])
    with torch.no_grad():
        size = (balanced[1].weight.square().sum(1) + balanced[1].bias.square()).sqrt()
        scale = (balanced[3].weight.norm(dim=0) / size).sqrt()
        balanced[1].weight *= scale[:, None]
        balanced[1].bias *= scale
        balanced[3].weight /= scale
    after = measure(balanced, problem, measures=["neyshabur2015_weight_decay", "neyshabur2015_convex"]).value
    assert after[0] == pytest.approx(after[1], rel=1e-6)
    assert after[1] == pytest.approx(table.loc["neyshabur2015_convex"].value, rel=1e-6)


def test_one_unit_by_hand(problem: gengap.Problem) -> None:
    """U = (3, 4, 0, …) without bias, V = (5, 12, 0, …)^T."""
    model = nn.Sequential(nn.Flatten(), nn.Linear(D, 1, bias=False), nn.ReLU(), nn.Linear(1, C, bias=False))
    with torch.no_grad():
        model[1].weight.zero_()[0, :2] = torch.tensor([3.0, 4.0])  # type: ignore[operator, union-attr]
        model[3].weight.zero_()[:2, 0] = torch.tensor([5.0, 12.0])  # type: ignore[operator, union-attr]
    rows = measure(model, problem, model, measures=NAMES).set_index("name").value
    known = {"path_l1": 7 * 17, "path_l2": 65, "mu_1_inf": 12, "mu_2_2": math.sqrt(194), "gamma_2_2": 65}
    known |= {"gamma_1_inf": 7 * 12, "gamma_2_inf": 5 * 12, "mu_2_inf": 12, "weight_decay": 97, "convex": 65}
    for name, value in known.items():
        assert rows["neyshabur2015_" + name] == pytest.approx(value, rel=1e-12), name
    known = {"vc": 64, "l1max": 7 * 12, "frobenius": 65, "spectral_l1": 0, "spectral_frobenius": 0}
    known |= {"distance": 66, "unit_capacity": 0, "unit_impact": 13}
    for name, value in known.items():
        assert rows["neyshabur2019_" + name] == pytest.approx(value, rel=1e-12), name


@pytest.mark.parametrize(
    "model",
    [
        nn.Sequential(nn.Flatten(), nn.Linear(D, 8), nn.Tanh(), nn.Linear(8, C)),
        nn.Sequential(nn.Flatten(), nn.Linear(D, 8), nn.Linear(8, C)),
        nn.Sequential(nn.Flatten(), nn.Linear(D, C)),
        nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Flatten(), nn.Linear(72, C)),
    ],
    ids=["tanh", "no activation", "one layer", "convolution"],
)
def test_other_networks_are_skipped_with_the_reason(model: nn.Module, problem: gengap.Problem) -> None:
    rows = measure(model, problem, model, measures=NAMES).set_index("name")
    for name, row in rows.drop(ANY_DEPTH).iterrows():
        assert row.status == "skipped", name
        assert "one hidden layer of ReLUs" in row.reason
    for name in ANY_DEPTH:
        assert (rows.loc[name].status == "ok") == (rows.loc[name].value > 0)


def test_without_initial_weights_or_margin_there_is_a_reason(nets: Any, problem: gengap.Problem) -> None:
    rows = measure(nets[0], problem, measures=NAMES).set_index("name")
    assert rows.loc["neyshabur2019_distance"].reason == "needs the weights at initialisation"
    assert rows.loc["neyshabur2019_frobenius"].status == "ok"
    wrong = problem.derive({"step": "ones"}, train=gengap.data.Split(problem.train.x, np.ones(M, dtype=np.int64)))
    rows = measure(nets[0], wrong, nets[1], measures=NAMES).set_index("name")
    over = [name for name in NAMES if "_capacity_" in name and not name.endswith("_vc")]
    assert set(rows.loc[over].status) == {"skipped"}
    assert rows.loc[over].reason.str.contains("not positive").all()
    assert rows.loc["neyshabur2019_capacity_vc"].status == "ok"

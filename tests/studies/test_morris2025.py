"""Capacity in bits: the training against a plain loop, and each part of the claim refuted by made-up rows."""

import math
from typing import Any

import pytest
import torch
from torch.nn.functional import cross_entropy

from gengap.studies import find_studies
from gengap.studies.morris2025.bits import RATIOS, WIDTHS, with_capacities
from gengap.studies.morris2025.memorising.networks import CLASSES, Language, network
from gengap.studies.morris2025.memorising.training import Effort, memorise, random_data
from gengap.studies.morris2025.views import NETWORKS, fitted_line
from gengap.train import Recipe

LANGUAGE = Language(positions=5, vocabulary=7)


def alone(kind: str, width: int, seed: int, n: int, effort: Effort) -> float:
    """The loss of one network after PyTorch's Adam on all examples."""
    data = random_data(kind, n, [seed], LANGUAGE)
    x, y = data.x[0], data.y[0].flatten()
    model = network(kind, width, seed, LANGUAGE)
    adam = torch.optim.Adam(model.parameters(), effort.rate)
    rates = Recipe(optimizer="adam", learning_rate=effort.rate, schedule="cosine", epochs=effort.steps)
    for step in range(effort.steps):
        adam.param_groups[0]["lr"] = rates.learning_rate_at(step, 1)
        adam.zero_grad()
        cross_entropy(model(x), y).backward()
        adam.step()
    with torch.no_grad():
        return float(cross_entropy(model(x), y))


@pytest.mark.parametrize("kind", NETWORKS)
def test_networks_side_by_side_are_those_alone(kind: str) -> None:
    effort = Effort(steps=8)
    data = random_data(kind, 12, [0, 3], LANGUAGE)
    parameters, losses = memorise(kind, 4, data, [0, 3], effort, LANGUAGE)
    assert losses == pytest.approx([alone(kind, 4, seed, 12, effort) for seed in (0, 3)], rel=1e-4)
    assert parameters == sum(p.numel() for p in network(kind, 4, 0, LANGUAGE).parameters())


def test_a_network_does_not_depend_on_those_beside_it_where_data_take_several_batches() -> None:
    effort = Effort(steps=6, batch=5)
    two = memorise("perceptron", 4, random_data("perceptron", 12, [0, 3], LANGUAGE), [0, 3], effort, LANGUAGE)[1]
    one = memorise("perceptron", 4, random_data("perceptron", 12, [3], LANGUAGE), [3], effort, LANGUAGE)[1]
    assert two[1] == pytest.approx(one[0], rel=1e-5)


def test_batches_are_summed_to_the_loss_of_all_data() -> None:
    data = random_data("perceptron", 10, [0], LANGUAGE)
    one_step = [memorise("perceptron", 3, data, [0], Effort(1, 1e-12, batch), LANGUAGE)[1][0] for batch in (4, 10)]
    assert one_step[0] == pytest.approx(one_step[1], rel=1e-5)  # so small a rate changes nothing


def test_little_data_are_memorised_whole() -> None:
    data = random_data("perceptron", 6, [0], LANGUAGE)
    _, (loss,) = memorise("perceptron", 16, data, [0], Effort(steps=150), LANGUAGE)
    assert loss < 0.01
    assert data.storable_bits == 6 * math.log2(CLASSES)


def test_a_decoder_sees_no_token_before_its_turn() -> None:
    model = network("transformer", 8, 0, LANGUAGE)
    tokens = random_data("transformer", 1, [0], LANGUAGE).x[0]
    changed = tokens.clone()
    changed[0, 3] = (changed[0, 3] + 1) % LANGUAGE.vocabulary
    before, after = (model(each).view(LANGUAGE.positions, -1) for each in (tokens, changed))
    torch.testing.assert_close(before[:4], after[:4])
    assert not torch.allclose(before[4], after[4])


def test_sequences_hold_less_than_their_tokens_for_which_one_it_is_has_to_be_said() -> None:
    """A model that knows the set gives each of n sequences 1 / n: log2 n bits a sequence stay."""
    data = random_data("transformer", 8, [0, 1], LANGUAGE)
    assert data.symbols == 40
    assert data.storable_bits == pytest.approx(40 * math.log2(7) - 8 * 3)
    assert not torch.equal(data.x[0], data.x[1])


def test_labels_do_not_depend_on_how_many_seeds_there_are() -> None:
    one, both = (random_data("convolutional", 5, seeds, LANGUAGE) for seeds in ([3], [0, 3]))
    assert torch.equal(one.x[0], both.x[1])
    assert torch.equal(one.y[0], both.y[1])


def rows(per_parameter: dict[int, float], share: tuple[float, ...] = (0.7, 0.98, 1.0, 0.97)) -> list[dict[str, Any]]:
    made = []
    for kind in NETWORKS:
        for width, capacity in per_parameter.items():
            for seed in (0, 1):
                parameters = 100 * width
                for ratio, part in zip((1.0, 2.0, 3.0, 4.0), share, strict=True):
                    bits = capacity * parameters * part + seed
                    made.append(
                        {"network": kind, "width": width, "ratio": ratio, "seed": seed, "parameters": parameters}
                        | {"symbols": int(ratio * parameters), "bits": bits, "storable_bits": 4 * ratio * parameters}
                    )
    return with_capacities(made)


def refuted(made: list[dict[str, Any]]) -> list[str]:
    parts = find_studies("morris2025/bits")[0].check(made)
    return [part.part for part in parts if part.finding == "does not hold"]


GOOD = {8: 2.0, 16: 2.0, 24: 2.1}


def test_every_part_can_be_refuted() -> None:
    assert refuted(rows(GOOD)) == []
    grow = refuted(rows(GOOD, (0.2, 0.4, 0.7, 1.0)))
    assert [part for part in grow if "stop growing" in part] == grow
    assert len(grow) == 3
    assert all("proportional" in part for part in refuted(rows({8: 2.0, 16: 3.0, 24: 2.0})))
    made = rows(GOOD)
    made[0]["bits"] = 1.01 * made[0]["storable_bits"]
    assert refuted(made) == ["no more is memorised than the data hold"]


def test_the_line_has_one_point_a_network() -> None:
    own = [row for row in rows({8: 2.0, 16: 2.0, 24: 2.0}) if row["network"] == "transformer"]
    fit = fitted_line(own)
    assert fit is not None
    assert fit.n == 6
    assert fit.slope == pytest.approx(2.0, abs=1e-9)
    assert fitted_line(own[:8]) is None


def test_desk_scale_goes_beyond_what_is_memorised_of_little_data() -> None:
    assert all(len(RATIOS["desk"][kind]) >= 4 and len(WIDTHS["desk"][kind]) >= 3 for kind in NETWORKS)

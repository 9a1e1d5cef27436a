"""Networks mapped over stacked weights and statistics do what a loop over the replicas does."""

import pytest
import torch
from torch.func import functional_call, grad_and_value, stack_module_state, vmap

from gengap import models

NAMES = [info.name for info in models.named()]


@pytest.mark.parametrize("name", NAMES)
def test_vmap_over_replicas_equals_a_loop(name: str) -> None:
    torch.manual_seed(0)
    replicas = [models.build(name, (1, 9, 10), 4).double() for _ in range(3)]
    parameters, buffers = stack_module_state(replicas)
    x = torch.randn(3, 5, 1, 9, 10, dtype=torch.float64)
    y = torch.randint(4, (3, 5))

    def loss(weights, statistics, x, y):
        scores = functional_call(replicas[0], (weights, statistics), (x,))
        return torch.nn.functional.cross_entropy(scores, y)

    gradients, losses = vmap(grad_and_value(loss))(parameters, buffers, x, y)
    for r, replica in enumerate(replicas):
        alone = torch.nn.functional.cross_entropy(replica(x[r]), y[r])
        alone.backward()
        torch.testing.assert_close(losses[r], alone)
        for key, parameter in replica.named_parameters():
            torch.testing.assert_close(gradients[key][r], parameter.grad)
        for key, statistic in replica.named_buffers():  # both passes have updated their own running statistics
            torch.testing.assert_close(buffers[key][r], statistic)


def test_running_statistics_move_under_vmap() -> None:
    replicas = [models.build("inception-small", (1, 8, 8), 4) for _ in range(2)]
    parameters, buffers = stack_module_state(replicas)
    before = {key: value.clone() for key, value in buffers.items()}
    vmap(lambda p, b, x: functional_call(replicas[0], (p, b), (x,)))(parameters, buffers, torch.randn(2, 3, 1, 8, 8))
    assert before
    assert not any(torch.equal(before[key], buffers[key]) for key in before)


@pytest.mark.parametrize("name", NAMES)
def test_dropout_differs_between_replicas(name: str) -> None:
    model = models.build(name, (1, 9, 9), 4, dropout=0.5)
    x = torch.randn(2, 1, 9, 9).expand(3, 2, 1, 9, 9)
    parameters, buffers = stack_module_state([model] * 3)

    def scores(p, b, x):
        return functional_call(model, (p, b), (x,))

    out = vmap(scores, randomness="different")(parameters, buffers, x)
    assert not torch.equal(out[0], out[1])


@pytest.mark.parametrize("name", NAMES)
def test_bfloat16_and_channels_last_stay_near_float32(name: str) -> None:
    torch.manual_seed(0)
    model = models.build(name, (3, 12, 12), 4).eval()
    x = torch.randn(8, 3, 12, 12)
    exact = model(x)
    with torch.autocast("cpu", torch.bfloat16):
        rough = model.to(memory_format=torch.channels_last)(x.contiguous(memory_format=torch.channels_last))
    assert (rough.float() - exact).norm() < 0.03 * exact.norm()

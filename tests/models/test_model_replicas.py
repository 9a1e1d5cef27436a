"""Networks mapped over stacked weights and statistics do what a loop over the replicas does."""

import pytest
import torch
from torch.func import functional_call, grad_and_value, stack_module_state, vmap

from gengap import models

LARGE = {"inception-v3"}  # takes images of 75 pixels at least, and long; its layers are those of inception-small
NAMES = [info.name for info in models.named() if info.name not in LARGE]
TOKENS = {info.name for info in models.named() if info.vocabulary is not None}
VOCABULARY = 20


def build(name: str, shape: tuple[int, ...], n_classes: int, dropout: float = 0.0) -> torch.nn.Module:
    """A network for images of a shape, or for as many tokens as they are high, with a mask."""
    if name in TOKENS:
        return models.build(name, (2, shape[1]), n_classes, dropout=dropout, vocabulary=VOCABULARY)
    return models.build(name, shape, n_classes, dropout=dropout)


def inputs(name: str, shape: tuple[int, ...], *leading: int, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    if name not in TOKENS:
        return torch.randn(*leading, *shape, dtype=dtype)
    tokens = torch.randint(VOCABULARY, (*leading, shape[1]))
    mask = torch.arange(shape[1]) < torch.randint(1, shape[1] + 1, (*leading, 1))
    return torch.stack([tokens, mask.long()], dim=-2)


@pytest.mark.parametrize("name", NAMES)
def test_vmap_over_replicas_equals_a_loop(name: str) -> None:
    torch.manual_seed(0)
    replicas = [build(name, (1, 9, 10), 4).double() for _ in range(3)]
    parameters, buffers = stack_module_state(replicas)
    x = inputs(name, (1, 9, 10), 3, 5, dtype=torch.float64)
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
    model = build(name, (1, 9, 9), 4, dropout=0.5)
    x = inputs(name, (1, 9, 9), 2)
    x = x.expand(3, *x.shape)
    parameters, buffers = stack_module_state([model] * 3)

    def scores(p, b, x):
        return functional_call(model, (p, b), (x,))

    out = vmap(scores, randomness="different")(parameters, buffers, x)
    assert not torch.equal(out[0], out[1])


@pytest.mark.parametrize("name", NAMES)
def test_bfloat16_and_channels_last_stay_near_float32(name: str) -> None:
    torch.manual_seed(0)
    model = build(name, (3, 12, 12), 4).eval()
    x = inputs(name, (3, 12, 12), 8)
    exact = model(x)
    layout = torch.channels_last if x.ndim == 4 else torch.contiguous_format
    with torch.autocast("cpu", torch.bfloat16):
        rough = model.to(memory_format=torch.channels_last)(x.contiguous(memory_format=layout))
    assert (rough.float() - exact).norm() < 0.03 * exact.norm()

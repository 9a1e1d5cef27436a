"""The named networks: parameter counts, shapes, what they refuse."""

import pytest
import torch

from gengap import models
from gengap.errors import InputError

ZHANG = (3, 28, 28)
COUNTS = {
    "alexnet-small": (ZHANG, 1_387_786),
    "convnet-3": ((3, 32, 32), 154_464),
    "convnet-5": ((3, 32, 32), 135_306),
    "convnet-5-no-bn": ((3, 32, 32), 135_306),
    "inception-small": (ZHANG, 1_649_402),
    "inception-small-no-bn": (ZHANG, 1_649_402),
    "mlp-1x512": (ZHANG, 1_209_866),
    "mlp-3x512": (ZHANG, 1_735_178),
}
TOKENS = {"transformer-2x64": 424_842, "transformer-4x128": 1_442_826}  # on 64 tokens of 5,000, with ten classes


def test_all_names_are_listed_in_order() -> None:
    assert [info.name for info in models.named()] == sorted([*COUNTS, "inception-v3", *TOKENS])
    assert all(info.source for info in models.named())


@pytest.mark.parametrize("name", COUNTS)
def test_parameter_count_is_the_papers(name: str) -> None:
    shape, count = COUNTS[name]
    info = next(info for info in models.named() if info.name == name)
    assert (info.input_shape, info.parameters) == (shape, count)
    assert models.count_parameters(models.build(name, shape, 10)) == count


@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 13, 18), (1, 9, 9), (1, 8, 8)])
@pytest.mark.parametrize("name", COUNTS)
def test_named_models_adapt_to_shape_and_classes(name: str, shape: tuple[int, ...]) -> None:
    if name == "convnet-3" and shape == (1, 8, 8):
        pytest.skip("two 5 x 5 convolutions without padding leave nothing of 8 x 8 pixels")
    model = models.build(name, shape, 7, dropout=0.5)
    assert model(torch.randn(2, *shape)).shape == (2, 7)


def test_sides_of_the_feature_maps_are_28_14_7() -> None:
    for name in ("alexnet-small", "inception-small"):
        sides, x = [], torch.randn(2, *ZHANG)
        for layer in models.build(name, ZHANG, 10):
            x = layer(x)
            if x.ndim == 4:
                sides.append(x.shape[-1])
        assert sorted({s for s in sides if s > 1}, reverse=True) == [28, 14, 7]


def test_inception_v3_is_the_published_one() -> None:
    """23,834,568 parameters on ImageNet, 94 convolutions, and the sides of table 1 of Szegedy et al. 2016."""
    shape = (3, 299, 299)
    model = models.build("inception-v3", shape, 1000, dropout=0.2).eval()
    assert models.count_parameters(model) == 23_834_568
    assert next(i for i in models.named() if i.name == "inception-v3").parameters == 23_834_568 - 990 * 2049
    assert sum(isinstance(layer, torch.nn.Conv2d) for layer in model.modules()) == 94
    forms, x = [], torch.randn(1, *shape)
    with torch.inference_mode():
        for layer in model:
            x = layer(x)
            if x.ndim == 4 and tuple(x.shape[1:]) not in forms:
                forms.append(tuple(x.shape[1:]))
    assert [side for _, side, _ in forms] == [149, 147, 147, 73, 73, 71, 35, 35, 35, 17, 8, 8, 1]
    assert [channels for channels, _, _ in forms] == [32, 32, 64, 64, 80, 192, 192, 256, 288, 768, 1280, 2048, 2048]
    assert x.shape == (1, 1000)


def test_inception_v3_takes_other_sides_and_refuses_small_ones() -> None:
    model = models.build("inception-v3", (1, 75, 80), 7, dropout=0.5)
    assert model(torch.randn(2, 1, 75, 80)).shape == (2, 7)
    with pytest.raises(InputError, match="at least 75 x 75 pixels"):
        models.build("inception-v3", (3, 74, 80), 7)


@pytest.mark.parametrize("name", COUNTS)
def test_the_seed_decides_the_weights(name: str) -> None:
    def weights(seed: int) -> torch.Tensor:
        torch.manual_seed(seed)
        return torch.cat([p.flatten() for p in models.build(name, ZHANG, 10).parameters()])

    assert torch.equal(weights(3), weights(3))
    assert not torch.equal(weights(3), weights(4))


@pytest.mark.parametrize("name", COUNTS)
def test_dropout_acts_in_training_only_and_has_no_parameters(name: str) -> None:
    model = models.build(name, ZHANG, 10, dropout=0.5)
    assert models.count_parameters(model) == models.count_parameters(models.build(name, ZHANG, 10))
    x = torch.randn(4, *ZHANG)
    assert not torch.equal(model(x), model(x))
    model.eval()
    assert torch.equal(model(x), model(x))


@pytest.mark.parametrize("name", TOKENS)
def test_parameters_of_a_transformer_are_those_of_its_parts(name: str) -> None:
    info = next(info for info in models.named() if info.name == name)
    assert (info.input_shape, info.vocabulary, info.parameters) == ((64,), 5000, TOKENS[name])
    depth, width = map(int, name.removeprefix("transformer-").split("x"))
    block = 4 * (width + 1) * width + (width + 1) * 4 * width + (4 * width + 1) * width + 4 * width
    assert info.parameters == (5000 + 64) * width + depth * block + 2 * width + (width + 1) * 10
    assert models.count_parameters(models.build(name, (2, 64), 10, vocabulary=5000)) == info.parameters


@pytest.mark.parametrize("name", TOKENS)
def test_a_transformer_does_not_see_what_is_masked(name: str) -> None:
    model = models.build(name, (2, 6), 3, vocabulary=9, dropout=0.5).eval()
    x = torch.tensor([[[1, 2, 3, 4, 5, 6], [1, 1, 1, 0, 0, 0]]])
    other, seen = x.clone(), x.clone()
    other[0, 0, 3:], seen[0, 0, 2] = 8, 8
    assert torch.equal(model(x), model(other))
    assert not torch.equal(model(x), model(seen))
    short = models.build(name, (2, 6), 3, vocabulary=9).eval()
    short.load_state_dict(model.state_dict())
    torch.testing.assert_close(short(x), short(torch.stack([x[:, 0, :3], torch.ones_like(x[:, 0, :3])], 1)))


@pytest.mark.parametrize("name", TOKENS)
def test_a_mask_that_keeps_everything_is_none(name: str) -> None:
    torch.manual_seed(0)
    masked = models.build(name, (2, 6), 3, vocabulary=9)
    plain = models.build(name, (6,), 3, vocabulary=9)
    plain.load_state_dict(masked.state_dict())
    tokens = torch.randint(9, (4, 6))
    torch.testing.assert_close(plain(tokens), masked(torch.stack([tokens, torch.ones_like(tokens)], 1)))


def test_attention_is_that_of_pytorch() -> None:
    torch.manual_seed(0)
    block = models.build("transformer-2x64", (5,), 3, vocabulary=9).blocks[0].double()
    x, mask = torch.randn(2, 5, 64, dtype=torch.float64), torch.tensor([[1, 1, 1, 1, 1], [1, 1, 0, 0, 0]]).bool()
    q, k, v = (part(x).view(2, 5, 4, 16).transpose(1, 2) for part in (block.query, block.key, block.value))
    twin = torch.nn.functional.scaled_dot_product_attention(q, k, v, mask[:, None, None, :])
    torch.testing.assert_close(block._attention(x, mask), block.out(twin.transpose(1, 2).reshape(2, 5, 64)))


def test_mlp_takes_vectors() -> None:
    assert models.build("mlp-1x512", (5,), 2)(torch.randn(3, 5)).shape == (3, 2)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("alexnet-smal", ZHANG, 10), "did you mean 'alexnet-small'"),
        (("alexnet-small", (64,), 10), "channels, height, width"),
        (("convnet-3", (1, 8, 8), 10), "at least 9 x 9 pixels"),
        (("inception-small", (3, 8, 3), 10), "at least 4 x 4 pixels"),
        (("mlp-1x512", (0, 8, 8), 10), "positive sides"),
        (("mlp-1x512", ZHANG, 1), "at least two classes"),
    ],
)
def test_unusable_arguments(arguments: tuple[str, tuple[int, ...], int], words: str) -> None:
    with pytest.raises(InputError, match=words):
        models.build(*arguments)


def test_tokens_and_numbers_are_not_mixed_up() -> None:
    with pytest.raises(InputError, match="mlp-1x512 takes numbers, and the data are tokens"):
        models.build("mlp-1x512", (6,), 3, vocabulary=9)
    with pytest.raises(InputError, match="takes tokens, and the data are numbers"):
        models.build("transformer-2x64", (6,), 3)


@pytest.mark.parametrize("dropout", [-0.1, 1.0, float("nan")])
def test_dropout_is_a_probability_below_one(dropout: float) -> None:
    with pytest.raises(InputError, match="probability"):
        models.build("mlp-1x512", ZHANG, 10, dropout=dropout)


@pytest.mark.parametrize("name", ["mlp-3x512", "alexnet-small", "inception-small-no-bn"])
def test_initial_weights_are_glorots(name: str) -> None:
    for layer in models.build(name, ZHANG, 10).modules():
        if isinstance(layer, torch.nn.Linear | torch.nn.Conv2d):
            pixels = layer.weight[0, 0].numel() if layer.weight.ndim == 4 else 1
            bound = (6 / (sum(layer.weight.shape[:2]) * pixels)) ** 0.5
            assert 0.9 * bound < layer.weight.abs().max() <= bound
            assert not layer.bias.any()

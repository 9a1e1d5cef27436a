"""Every optimizer equals torch.optim step for step, alone and for R replicas; schedules, losses and augmentation."""

import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from gengap.data import Problem
from gengap.errors import InputError
from gengap.train import Execution, Recipe, choose_recipe, preset, train, train_replicas
from gengap.train.augmentation import mixed, padded_crop, random_rotation
from gengap.train.optimizers import SGD, clip_norms
from gengap.train.replicas import Replicas

FLOAT64 = Execution("cpu", "float64", "contiguous")
RULES: dict[str, tuple[dict[str, Any], Any]] = {
    "sgd": ({"momentum": 0.0}, lambda p, lr, wd: torch.optim.SGD(p, lr, weight_decay=wd)),
    "momentum": ({}, lambda p, lr, wd: torch.optim.SGD(p, lr, momentum=0.9, weight_decay=wd)),
    "nesterov": (
        {"nesterov": True},
        lambda p, lr, wd: torch.optim.SGD(p, lr, momentum=0.9, nesterov=True, weight_decay=wd),
    ),
    "adam": (
        {"optimizer": "adam", "beta1": 0.8, "beta2": 0.95},
        lambda p, lr, wd: torch.optim.Adam(p, lr, betas=(0.8, 0.95), weight_decay=wd),
    ),
    "adamw": ({"optimizer": "adamw"}, lambda p, lr, wd: torch.optim.AdamW(p, lr, weight_decay=wd)),
    "rmsprop": ({"optimizer": "rmsprop"}, lambda p, lr, wd: torch.optim.RMSprop(p, lr, weight_decay=wd)),
    "rmsprop with momentum": (
        {"optimizer": "rmsprop", "momentum": 0.7, "smoothing": 0.9},
        lambda p, lr, wd: torch.optim.RMSprop(p, lr, alpha=0.9, momentum=0.7, weight_decay=wd),
    ),
}


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("rates", [[0.1], [0.1, 0.1], [0.1, 0.2]])
@pytest.mark.parametrize("shape", [(512, 96), (17,), (0,), (64, 8, 3, 3)])
def test_momentum_in_one_pass_gives_the_bits_of_the_formula(
    shape: tuple[int, ...], rates: list[float], dtype: torch.dtype
) -> None:
    generator = torch.Generator().manual_seed(0)
    weight = torch.randn(len(rates), *shape, generator=generator, dtype=dtype)
    gradients = torch.randn(3, *weight.shape, generator=generator, dtype=dtype)
    if len(shape) == 4 and len(rates) == 1:  # a gradient need not lie in memory as its weight does
        weight = weight[0].to(memory_format=torch.channels_last)[None]
    rate = torch.tensor(rates, dtype=dtype).view(-1, *(1,) * len(shape))
    twin, velocity = weight.clone(), torch.zeros_like(weight)
    state = {"velocity": velocity.clone()}
    for number, gradient in enumerate(gradients):
        SGD(momentum=0.9).update(weight, gradient.clone(), state, rate, None, number)
        velocity = 0.9 * velocity + gradient
        twin = twin.addcmul(velocity, rate, value=-1)
    assert torch.equal(weight, twin)
    assert torch.equal(state["velocity"], velocity)


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("weight_decay", [0.0, 0.1])
def test_steps_equal_those_of_torch(tiny: Problem, rule: str, weight_decay: float) -> None:
    fields, make = RULES[rule]
    recipe = Recipe(batch_size=16, **fields)
    replicas = Replicas.initialise(tiny, recipe, [3], FLOAT64)
    module = nn.Sequential(*replicas.module)
    module.load_state_dict({name: value[0].detach() for name, value in replicas.parameters.items()})
    theirs = make(module.parameters(), 0.01, weight_decay)
    rng = torch.Generator().manual_seed(0)
    for number in range(6):
        x = torch.randn(1, 16, *tiny.input_shape, generator=rng, dtype=torch.float64)
        y = torch.randint(tiny.n_classes, (1, 16), generator=rng)
        decays = torch.tensor([weight_decay], dtype=torch.float64) if weight_decay else None
        replicas.step(x, y, torch.tensor([0.01], dtype=torch.float64), decays, number=number)
        theirs.zero_grad()
        nn.functional.cross_entropy(module(x[0]), y[0]).backward()
        theirs.step()
    for name, value in module.named_parameters():
        torch.testing.assert_close(replicas.parameters[name][0], value, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize(
    "fields",
    [
        *(fields for fields, _ in RULES.values()),
        {"gradient_clip": 0.05},
        {"schedule": "cosine", "warm_up_epochs": 0.5},
        {"loss": "squared"},
        {"label_smoothing": 0.2},
        {"mixup": 0.4},
        {"pad": 2, "flip": True},
        {"rotation": 20.0},
    ],
)
def test_replicas_equal_separate_runs(tiny: Problem, fields: dict[str, Any]) -> None:
    """With their own learning rates and weight decays, in float64."""
    base = Recipe(batch_size=16, epochs=2, **fields)
    free = [{"learning_rate": 0.02}, {"learning_rate": 0.01, "weight_decay": 0.1}]
    trios = [(tiny, base.model_copy(update=update), seed) for update, seed in zip(free, (0, 5), strict=True)]
    together = train_replicas(trios, execution=FLOAT64)
    for run, trio in zip(together, trios, strict=True):
        own = train(*trio, execution=FLOAT64)
        torch.testing.assert_close(run.weights, own.weights, rtol=1e-9, atol=1e-11)
        assert run.history[-1]["running_loss"] == pytest.approx(own.history[-1]["running_loss"], rel=1e-9)


def test_clipping_equals_that_of_torch() -> None:
    gradients = [torch.randn(3, 4, 2, dtype=torch.float64), torch.randn(3, 5, dtype=torch.float64)]
    clipped = clip_norms([g.clone() for g in gradients], 1.5)
    for r in range(3):
        parameters = [nn.Parameter(torch.zeros_like(g[r])) for g in gradients]
        for parameter, gradient in zip(parameters, gradients, strict=True):
            parameter.grad = gradient[r].clone()
        nn.utils.clip_grad_norm_(parameters, 1.5)
        for parameter, ours in zip(parameters, clipped, strict=True):
            torch.testing.assert_close(ours[r], parameter.grad)


def test_the_cosine_with_a_warm_up_equals_that_of_torch() -> None:
    recipe = Recipe(learning_rate=0.3, schedule="cosine", epochs=4, warm_up_epochs=0.5)
    per_epoch, warm = 10, 5
    parameter = nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.SGD([parameter], lr=0.3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=4 * per_epoch - warm)
    for step in range(warm):
        assert recipe.learning_rate_at(step, per_epoch) == pytest.approx(0.3 * (step + 1) / warm)
    for step in range(warm, 4 * per_epoch):
        assert recipe.learning_rate_at(step, per_epoch) == pytest.approx(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()


def test_stairs_may_be_given_in_epochs() -> None:
    recipe = Recipe(learning_rate=1.0, decay=0.1, decay_epochs=2)
    rates = [recipe.learning_rate_at(step, 3) for step in range(13)]
    assert rates == pytest.approx([1.0] * 6 + [0.1] * 6 + [0.01])
    assert Recipe(schedule="constant", learning_rate=0.2).learning_rate_at(10**6, 3) == 0.2


def test_squared_loss_is_the_mean_squared_distance_to_one_hot_labels(tiny: Problem) -> None:
    recipe = Recipe(batch_size=len(tiny.train), epochs=1, loss="squared")
    replicas = Replicas.initialise(tiny, recipe, [0], FLOAT64)
    x, y = torch.randn(1, 8, *tiny.input_shape, dtype=torch.float64), torch.arange(8)[None] % tiny.n_classes
    loss, _ = replicas.evaluate(x, y)
    with torch.no_grad():
        scores = torch.func.functional_call(replicas.module, {k: v[0] for k, v in replicas.parameters.items()}, (x[0],))
    expected = np.mean(
        [(float(scores[i, c]) - (y[0, i] == c).item()) ** 2 for i in range(8) for c in range(tiny.n_classes)]
    )
    assert float(loss) == pytest.approx(expected)


def test_mixtures_are_of_partners_and_their_labels() -> None:
    x = torch.arange(12.0, dtype=torch.float64).view(2, 6, 1)
    y = torch.arange(12).view(2, 6)
    blend, (others, shares) = mixed(x, y, 0.4, [np.random.default_rng(seed) for seed in (0, 1)])
    expected = shares[:, None] * y + (1 - shares[:, None]) * others  # inputs are their own numbers here
    torch.testing.assert_close(blend[..., 0], expected.double())
    assert all(sorted(row.tolist()) == own.tolist() for row, own in zip(others, y, strict=True))


@pytest.mark.parametrize("shape", [(5, 5), (4, 6), (6, 4)])
def test_a_padded_crop_is_a_shifted_image(shape: tuple[int, int]) -> None:
    x = torch.arange(1, 1 + math.prod(shape), dtype=torch.uint8).view(1, 1, *shape).expand(200, 1, *shape)
    padded = nn.functional.pad(x[0], (2, 2, 2, 2))
    windows = {
        tuple(padded[0, i : i + shape[0], j : j + shape[1]].flatten().tolist()) for i in range(5) for j in range(5)
    }
    seen = {tuple(image.flatten().tolist()) for image in padded_crop(x, 2, torch.Generator().manual_seed(0))}
    assert seen == windows  # each of the 25 shifts is missed by 200 draws with probability 0.0003


def test_a_rotation_keeps_a_disc_and_moves_a_corner() -> None:
    side = torch.linspace(-1, 1, 33)
    disc = ((side[:, None] ** 2 + side**2) < 0.5).float()[None, None].repeat(4, 1, 1, 1)
    turned = random_rotation(disc, 180.0, torch.Generator().manual_seed(0))
    radius = (side[:, None] ** 2 + side**2).sqrt()
    torch.testing.assert_close(turned[:, 0, radius < 0.6], torch.ones_like(turned[:, 0, radius < 0.6]))
    assert not turned[:, 0, radius > 0.82].any()  # between the two the rim is interpolated
    image = torch.zeros(1, 1, 8, 8, dtype=torch.uint8)
    image[..., 1, 1] = 200
    assert random_rotation(image, 0.0, torch.Generator()).equal(image)
    assert random_rotation(image, 90.0, torch.Generator().manual_seed(1)).dtype == torch.uint8


def test_rotation_is_by_the_angle_on_images_that_are_not_square(monkeypatch: pytest.MonkeyPatch) -> None:
    """A bright pixel right of the centre goes above it at a quarter turn, as far from it in pixels."""
    image = torch.zeros(1, 1, 9, 15, dtype=torch.float64)
    image[..., 4, 10] = 1.0

    monkeypatch.setattr(torch, "rand", lambda n, generator=None: torch.ones(n))  # the largest angle
    turned = random_rotation(image, 90.0, torch.Generator())
    row, column = divmod(int(turned.argmax()), 15)
    assert column == 7
    assert abs(row - 4) == 3
    assert float(turned.max()) == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"optimizer": "adamw", "momentum": 0.9}, "adamw has no momentum; it has beta1, beta2, epsilon"),
        ({"beta1": 0.5}, "sgd has no beta1"),
        ({"optimizer": "rmsprop", "nesterov": True}, "rmsprop has no nesterov"),
        ({"optimizer": "adam", "winsorize": 2}, "adam has no winsorize"),
        ({"nesterov": True, "momentum": 0}, "nesterov needs a momentum"),
        ({"optimizer": "lamb"}, "optimizer: Input should be 'sgd', 'adam', 'adamw' or 'rmsprop'"),
        ({"schedule": "cosine", "decay": 0.5}, "decay belongs to the staircase"),
        ({"schedule": "constant", "decay_epochs": 3}, "decay_epochs belongs to the staircase"),
        ({"warm_up_epochs": 7, "epochs": 5}, "longer than 5 epochs"),
        ({"loss": "squared", "label_smoothing": 0.1}, "belongs to the cross entropy"),
        ({"winsorize": 2, "mixup": 0.2}, "winsorize takes the plain cross entropy"),
        ({"pad": 4, "random_crop": True}, "two ways of cropping"),
        ({"gradient_clip": 0}, "gradient_clip"),
    ],
)
def test_recipes_that_contradict_themselves(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Recipe.parse(fields)


def test_another_optimizer_or_schedule_leaves_the_presets_fields_behind(tiny: Problem) -> None:
    recipe = choose_recipe("zhang2017-mlp", tiny, changes={"optimizer": "adamw", "schedule": "cosine"})
    assert (recipe.momentum, recipe.weight_decay_kind) == (0.0, "decoupled")
    with pytest.raises(InputError, match="adamw has no momentum"):
        choose_recipe("zhang2017-mlp", tiny, changes={"optimizer": "adamw", "momentum": "0.9"})
    assert choose_recipe("zhang2017-mlp", tiny).weight_decay_kind == "coupled"


def test_recipes_of_before_keep_their_hash() -> None:
    """The hashes that stored rows carry, as computed before optimizers could be chosen."""
    assert Recipe().hash == "40291bbdc081e002"
    assert preset("digits").hash == "1bf67c82813ed86b"
    assert Recipe(weight_decay=0.1, flip=True, decay=0.5).hash == "bdb75be1b5e3ca1c"

"""The searches for the largest perturbation: closed forms, dense grids, laws."""

import itertools
import math

import pytest
import torch
from scipy.stats import norm
from torch import Tensor, nn
from torch.func import functional_call

from gengap.measures.searches import TARGET, TOLERANCE, Perturbable, largest_scale, sharpness_search, sigma_search
from gengap.measures.searches.errors import drop_error
from gengap.seeds import stream


def perturbable(net: nn.Module, x: Tensor, y: Tensor) -> Perturbable:
    return Perturbable(net, [name for name, p in net.named_parameters() if p.ndim > 1], x, y)


@pytest.fixture(scope="module")
def trained() -> tuple[nn.Sequential, Tensor, Tensor]:
    """A network of two layers that classifies 150 points of three classes."""
    generator = torch.Generator().manual_seed(0)
    y = torch.arange(150) % 3
    x = torch.randn(3, 6, generator=generator)[y] + 0.4 * torch.randn(150, 6, generator=generator)
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 3))
    optimiser = torch.optim.Adam(net.parameters(), 0.02)
    for _ in range(100):
        optimiser.zero_grad()
        nn.functional.cross_entropy(net(x), y).backward()
        optimiser.step()
    assert (net(x).argmax(1) == y).float().mean() > 0.95
    return net.eval(), x, y


def one_example() -> tuple[nn.Linear, Tensor, Tensor]:
    """A linear classifier of two classes and an example of margin 2 and norm 3."""
    net = nn.Linear(3, 2, bias=False).double()
    net.weight.data = torch.tensor([[1.0, 0.5, 0.0], [0.0, 0.0, 0.0]], dtype=torch.float64)
    return net, torch.tensor([[1.0, 2.0, -2.0]], dtype=torch.float64), torch.tensor([0])


@pytest.mark.parametrize(
    ("drop", "least", "most"),
    [
        (lambda s: min(s, 1), 0.09, 0.11),
        (lambda s: min(s / 1000, 1), 90, 110),
        (lambda s: min(50 * s**2, 1), (0.09 / 50) ** 0.5, (0.11 / 50) ** 0.5),
    ],
)
def test_a_scale_is_where_the_drop_is_in_the_band(drop: object, least: float, most: float) -> None:
    found = largest_scale(drop, TARGET, TOLERANCE)
    assert least <= found.scale <= most
    assert found.drop == drop(found.scale)
    low, high = found.bracket
    assert low <= found.scale <= high
    assert drop(low) < 0.09 or low == found.scale
    assert drop(high) > 0.11 or high == found.scale


def test_where_the_drop_leaps_the_scale_is_just_below() -> None:
    found = largest_scale(lambda s: 0.02 if s < 0.3 else 0.5, TARGET, TOLERANCE)
    assert 0.297 <= found.scale < 0.3
    assert found.bracket[0] == found.scale
    assert 0.3 <= found.bracket[1] <= 1.01 * found.scale
    assert found.drop == 0.02
    assert not found.converged
    assert "falls by 0.02 at" in found.reason
    assert "and by 0.5 at" in found.reason


@pytest.mark.parametrize(("drop", "bracket"), [(0.0, (2048, math.inf)), (0.4, (0, 1e-8))])
def test_a_drop_that_never_or_always_exceeds_the_target_has_no_scale(drop: float, bracket: tuple[float, float]) -> None:
    found = largest_scale(lambda _: drop, TARGET, TOLERANCE)
    assert found.scale is None
    assert found.bracket == pytest.approx(bracket, abs=1e-8)
    assert f"{drop:.3g}" in found.reason


def test_a_drop_that_is_too_large_without_any_scale_is_seen_at_once() -> None:
    tried = []
    found = largest_scale(lambda s: tried.append(s) or 0.3, TARGET, TOLERANCE, offset=True)
    assert (found.scale, found.bracket, tried) == (None, (0.0, 0.0), [0.0])
    assert "0.3 even at 0" in found.reason


@pytest.mark.parametrize("power", [1, 3])
def test_few_scales_are_tried(power: int) -> None:
    for exponent in range(-20, 4):
        found = largest_scale(lambda s, at=2.0**exponent: min((s / at) ** power, 0.9), TARGET, TOLERANCE)
        assert found.converged
        assert len(found.curve) <= 20


@pytest.mark.parametrize("most", [0.1, 0.117, 0.129])
def test_a_drop_that_ends_in_the_band_or_just_above_has_no_scale(most: float) -> None:
    for at in (0.05, 2.0, 300.0):  # where half of it is reached
        found = largest_scale(lambda s, at=at: most * s / (s + at), TARGET, TOLERANCE)
        assert found.scale is None
        assert found.bracket[1] == math.inf
        assert "cannot fall" in found.reason or "falls by only" in found.reason


def test_a_drop_that_ends_clearly_above_the_band_has_the_scale_that_it_had() -> None:
    assert largest_scale(lambda s: 0.11 if s < 8 else 0.2, TARGET, TOLERANCE).scale == 2
    found = largest_scale(lambda s: 0.14 * s / (s + 1), TARGET, TOLERANCE)
    assert found.drop == pytest.approx(TARGET, abs=TOLERANCE)
    assert 0.14 * found.scale / (found.scale + 1) == found.drop


def near_chance(correct: int) -> tuple[nn.Linear, Tensor, Tensor]:
    """A linear classifier of ten classes that is right on so many of 500 examples."""
    generator = torch.Generator().manual_seed(1)
    torch.manual_seed(0)
    net = nn.Linear(20, 10)
    x = torch.randn(500, 20, generator=generator)
    said = net(x).argmax(1)
    y = (said + 1 + torch.randint(9, (500,), generator=generator)) % 10
    y[:correct] = said[:correct]
    return net.eval(), x, y


@pytest.mark.parametrize("eps", [None, 1e-3])
def test_near_chance_no_noise_has_a_scale(eps: float | None) -> None:
    found = sigma_search(perturbable(*near_chance(100)), seed=0, magnitude_eps=eps)  # by 0.1 at most on average
    assert found.scale is None
    assert "accuracy cannot fall further than by" in found.reason
    above = sigma_search(perturbable(*near_chance(200)), seed=0, magnitude_eps=eps)
    assert above.drop == pytest.approx(TARGET, abs=TOLERANCE)


@pytest.mark.parametrize(("right", "scale"), [(12, None), (20, 0.2)])
def test_where_no_box_can_cost_clearly_more_than_the_target_none_is_found(right: int, scale: float | None) -> None:
    """Of 100 examples those that are right can all be made wrong, by boxes from 0.2 on; zeros stay wrong."""
    net, x, y = one_example()
    x, y = torch.cat([x.expand(right, -1), torch.zeros(100 - right, 3)]), y.new_ones(100)
    y[:right] = 0
    found = sharpness_search(perturbable(net, x, y))
    if scale is None:
        assert found.scale is None
        assert "accuracy cannot fall further than by 0.12" in found.reason
    else:
        assert found.scale < scale <= 1.01 * found.scale


def test_sigma_is_the_standard_deviation_at_which_a_tenth_of_the_noise_flips_an_example() -> None:
    network = perturbable(*one_example())
    found = sigma_search(network, seed=0, draws=600)
    # Two rows of noise change the margin 2 by a Gaussian of standard deviation sigma 3 sqrt(2).
    expected = [2 / (3 * math.sqrt(2) * norm.isf(chance)) for chance in (0.053, 0.147)]  # 3 errors of 600 draws
    assert expected[0] <= found.scale <= expected[1]
    assert found.drop == pytest.approx(norm.sf(2 / (3 * math.sqrt(2) * found.scale)), abs=0.037)


def test_noise_in_proportion_has_variance_sigma_squared_w_squared_plus_eps_squared() -> None:
    net, x, y = one_example()
    found = sigma_search(perturbable(net, x, y), seed=0, magnitude_eps=0.1, draws=600)
    variance = sum(
        value**2 * (found.scale**2 * w**2 + 0.1**2)
        for row in net.weight.tolist()
        for w, value in zip(row, x[0].tolist(), strict=True)
    )
    assert found.drop == pytest.approx(norm.sf(2 / math.sqrt(variance)), abs=0.037)


@pytest.mark.parametrize("eps", [None, 1e-3])
def test_sigma_is_that_of_a_dense_grid_with_the_same_noise(
    trained: tuple[nn.Sequential, Tensor, Tensor], eps: float | None
) -> None:
    net, x, y = trained
    clean = (net(x).argmax(1) == y).double().mean()

    def drop(sigma: float) -> float:
        drops = []
        for index in range(10):
            generator = torch.Generator().manual_seed(stream(5, "noise", index))
            noisy = {}
            for name in ("0.weight", "2.weight"):
                w = net.get_parameter(name)
                deviation = sigma if eps is None else torch.sqrt(sigma**2 * w**2 + eps**2)
                noisy[name] = w + deviation * torch.randn(w.shape, generator=generator)
            drops.append(clean - (functional_call(net, noisy, (x,)).argmax(1) == y).double().mean())
        return float(sum(drops) / 10)

    found = sigma_search(perturbable(net, x, y), seed=5, magnitude_eps=eps)
    assert abs(found.drop - TARGET) <= TOLERANCE
    assert found.drop == pytest.approx(drop(found.scale), abs=1e-12)
    grid = [found.scale * k / 20 for k in range(1, 41)]
    drops = [drop(sigma) for sigma in grid]
    assert max(s for s, d in zip(grid, drops, strict=True) if d <= TARGET + TOLERANCE) >= found.scale
    assert min(s for s, d in zip(grid, drops, strict=True) if d >= TARGET - TOLERANCE) <= found.scale


def test_a_seed_gives_one_sigma(trained: tuple[nn.Sequential, Tensor, Tensor]) -> None:
    first, again, other = (sigma_search(perturbable(*trained), seed=seed) for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_moving_scale_between_relu_layers_changes_sigma_but_not_in_proportion(
    trained: tuple[nn.Sequential, Tensor, Tensor],
) -> None:
    net, x, y = trained
    torch.manual_seed(0)
    moved = nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 3)).eval()
    with torch.no_grad():
        moved[0].weight.copy_(net[0].weight * 4)
        moved[0].bias.copy_(net[0].bias * 4)
        moved[2].weight.copy_(net[2].weight / 4)
        moved[2].bias.copy_(net[2].bias)
    pair = [perturbable(one, x, y) for one in (net, moved)]
    assert pair[0].accuracy(pair[0].weights) == pair[1].accuracy(pair[1].weights)
    plain = [sigma_search(one, seed=0).scale for one in pair]
    in_proportion = [sigma_search(one, seed=0, magnitude_eps=0.0) for one in pair]
    assert plain[0] != plain[1]
    assert in_proportion[0].curve == in_proportion[1].curve
    assert in_proportion[0].scale == in_proportion[1].scale


def test_an_accuracy_that_cannot_fall_by_the_target_has_no_scale(
    trained: tuple[nn.Sequential, Tensor, Tensor],
) -> None:
    net, x, _ = trained
    wrong = (net(x).argmax(1) + 1) % 3
    for search in (lambda one: sigma_search(one, seed=0), sharpness_search):
        found = search(perturbable(net, x, wrong))
        assert found.scale is None
        assert "cannot fall" in found.reason


def test_biases_and_the_given_network_stay_as_they_are(trained: tuple[nn.Sequential, Tensor, Tensor]) -> None:
    net, x, y = trained
    before = {name: value.clone() for name, value in net.state_dict().items()}
    network = perturbable(net, x, y)
    sigma_search(network, seed=0)
    sharpness_search(network)
    assert set(network.weights) == {"0.weight", "2.weight"}
    assert all(value.equal(before[name]) for name, value in net.state_dict().items())


def test_a_network_that_takes_views_of_images_is_searched_as_one_that_reshapes_them() -> None:
    class Viewing(nn.Linear):
        def forward(self, x: Tensor) -> Tensor:
            return super().forward(x.view(len(x), -1))

    torch.manual_seed(0)
    x, layers = torch.randn(100, 3, 2, 2), (Viewing(12, 2), nn.Sequential(nn.Flatten(), nn.Linear(12, 2)))
    layers[1][1].load_state_dict(layers[0].state_dict())  # type: ignore[index, union-attr]
    y = layers[0](x).argmax(1)
    found = [sigma_search(perturbable(layer, x, y), seed=0) for layer in layers]
    assert found[0].scale is not None
    assert found[0] == found[1]


def test_a_convolution_of_images_as_volumes_is_searched() -> None:
    class Volumes(nn.Sequential):
        def forward(self, x: Tensor) -> Tensor:
            return super().forward(x[:, None])

    torch.manual_seed(0)
    x = torch.randn(100, 3, 4, 4)
    volumes = Volumes(nn.Conv3d(1, 2, 3), nn.Flatten(), nn.Linear(8, 2))
    flat = nn.Sequential(nn.Conv2d(3, 2, 3), nn.Flatten(), nn.Linear(8, 2))  # the same function of these images
    flat[0].weight.data, flat[0].bias.data = volumes[0].weight.data[:, 0], volumes[0].bias.data
    flat[2].load_state_dict(volumes[2].state_dict())
    y = flat(x).argmax(1)
    assert torch.allclose(volumes(x), flat(x), atol=1e-5)
    pair = [perturbable(net.eval(), x, y) for net in (volumes, flat)]
    for search in (lambda one: sigma_search(one, seed=0), sharpness_search):
        found = [search(one) for one in pair]
        assert found[0].scale is not None
        assert found[0].scale == pytest.approx(found[1].scale, rel=0.1)


def test_an_undefined_output_is_an_error() -> None:
    net, x, y = one_example()
    network = perturbable(net, x, y)
    assert network.accuracy(network.weights) == 1
    assert network.accuracy({"weight": torch.full_like(net.weight, torch.nan)}) == 0


@pytest.mark.parametrize("eps", [None, 0.01])
def test_the_worst_box_of_a_linear_classifier_is_known(eps: float | None) -> None:
    net, x, y = one_example()
    size = float(x.abs().sum())  # the worst corner lowers the margin by each row's half-sides times |x|
    expected = 2 / (2 * size)
    if eps is not None:
        expected = (2 - 2 * eps * size) / (net.weight.abs().sum(0) * x.abs()).sum().item()
    found = sharpness_search(perturbable(net, x, y), magnitude_eps=eps)
    assert found.scale < expected <= 1.01 * found.scale
    assert found.bracket[1] == pytest.approx(expected, rel=0.02)


def test_ascent_finds_nearly_the_worst_corner_of_a_small_linear_classifier() -> None:
    generator = torch.Generator().manual_seed(3)
    net = nn.Linear(5, 2, bias=False)
    net.weight.data = torch.randn(2, 5, generator=generator)
    x = torch.randn(400, 5, generator=generator)
    y = net(x).argmax(1)
    network = perturbable(net, x, y)
    found = sharpness_search(network)
    corners = [torch.tensor(signs).view(2, 5) * found.scale for signs in itertools.product((-1.0, 1.0), repeat=10)]
    worst = max(1 - network.accuracy({"weight": net.weight.detach() + corner}) for corner in corners)
    assert found.drop <= TARGET + TOLERANCE
    assert worst - 0.02 <= found.drop <= worst + 0.01  # inside the box it may be worse than at any corner


def test_a_pass_ends_once_its_examples_are_enough(trained: tuple[nn.Sequential, Tensor, Tensor]) -> None:
    network = perturbable(*trained)
    assert len(network.correct(network.weights)) == 150
    some, gradient = network.correct_with_gradient(network.weights, lambda answers: len(answers) >= 100)
    assert (len(some), gradient) == (100, None)
    assert network.passes == 250 / 150
    every, gradient = network.correct_with_gradient(network.weights)
    assert every[:100].equal(some)
    assert network.passes == 700 / 150
    loss = nn.functional.cross_entropy(trained[0](trained[1]), trained[2], reduction="sum")
    expected = torch.autograd.grad(loss, [trained[0].get_parameter(name) for name in network.weights])
    sizes = [float(found.norm() / other.norm()) for found, other in zip(gradient.values(), expected, strict=True)]
    assert sizes[0] == pytest.approx(sizes[1], rel=1e-5)
    for found, other in zip(gradient.values(), expected, strict=True):
        torch.testing.assert_close(found / sizes[0], other.double(), rtol=1e-4, atol=1e-6)


def _worst_drop(net: nn.Sequential, x: Tensor, y: Tensor, alpha: float, eps: float | None) -> float:
    """Ten points of the ascent in float64, written out, with the gradient of the loss by autograd."""
    names = [name for name, p in net.named_parameters() if p.ndim > 1]
    origin = {name: net.get_parameter(name).detach() for name in names}
    box = {name: alpha * w.abs() + eps if eps is not None else torch.full_like(w, alpha) for name, w in origin.items()}

    def look(weights: dict[str, Tensor]) -> tuple[float, dict[str, Tensor]]:
        weights = {name: w.clone().requires_grad_() for name, w in weights.items()}
        scores = functional_call(net, weights, (x,))
        gradients = torch.autograd.grad(nn.functional.cross_entropy(scores, y, reduction="sum"), list(weights.values()))
        signs = {name: g.sign() for name, g in zip(names, gradients, strict=True)}
        return float((scores.argmax(1) == y).double().mean()), signs

    clean, signs = look(origin)
    shift = {name: box[name] * signs[name] for name in names}
    drops = []
    for _ in range(10):
        accuracy, signs = look({name: origin[name] + shift[name] for name in names})
        drops.append(clean - accuracy)
        shift = {n: torch.clamp(shift[n] + box[n] / 2 * signs[n], -box[n], box[n]) for n in names}
    return max(drops)


@pytest.mark.parametrize("margin", [1.0, 8.0, 40.0])
@pytest.mark.parametrize("eps", [None, 1e-3])
def test_alpha_is_where_ten_points_of_the_ascent_cost_a_tenth_also_of_a_confident_network(
    trained: tuple[nn.Sequential, Tensor, Tensor], eps: float | None, margin: float
) -> None:
    net, x, y = trained
    sure = nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 3)).eval()
    sure.load_state_dict(net.state_dict())
    with torch.no_grad():
        for parameter in sure[2].parameters():
            parameter *= margin
    found = sharpness_search(perturbable(sure, x, y), magnitude_eps=eps)
    exact = nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 3)).double()
    exact.load_state_dict(sure.state_dict())
    assert found.converged
    assert found.drop == pytest.approx(TARGET, abs=TOLERANCE)
    assert found.drop == pytest.approx(_worst_drop(exact, x.double(), y, found.scale, eps), abs=1e-9)


def test_the_standard_error_is_the_spread_over_draws_and_examples(
    trained: tuple[nn.Sequential, Tensor, Tensor],
) -> None:
    net, _, _ = trained
    generator = torch.Generator().manual_seed(4)
    y = torch.arange(3000) % 3
    centres = torch.randn(3, 6, generator=torch.Generator().manual_seed(0))
    x = centres[y] + 0.4 * torch.randn(3000, 6, generator=generator)
    scales, errors = [], []
    for seed in range(20):
        chosen = torch.randperm(3000, generator=generator)[:150]
        found = sigma_search(perturbable(net, x[chosen], y[chosen]), seed=seed, population=3000)
        scales.append(found.scale)
        errors.append(found.standard_error)
    spread = float(torch.tensor(scales).std())
    # A standard deviation of 20 numbers is known to a sixth; the error is of first order and has an error itself.
    assert 0.6 < float(torch.tensor(errors).mean()) / spread < 1.7


def test_where_all_examples_are_used_they_add_no_error() -> None:
    fell = torch.tensor([[1.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0], [1.0, 1.0, 0.0, -1.0]])
    draws = torch.tensor([0.25, 0.0, 0.25]).var() / 3
    examples = torch.tensor([2 / 3, 1 / 3, 0.0, -1 / 3]).var() / 4
    assert drop_error(fell, 4) == pytest.approx(float(draws) ** 0.5)
    assert drop_error(fell, math.inf) == pytest.approx(float(draws + examples) ** 0.5)
    assert drop_error(fell[:1], 4) == 0


def test_the_layout_of_images_stays_as_it_came() -> None:
    """PyTorch's weight gradient of strided 1 x 1 convolutions in channels-last order has ended processes."""
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(6, 8, 1, stride=2), nn.ReLU(), nn.Flatten(), nn.Linear(32, 2))
    x = torch.randn(20, 6, 4, 4)
    network = perturbable(net, x, net(x).argmax(1))
    assert network._x.is_contiguous()
    assert all(weight.is_contiguous() for weight in network.weights.values())
    assert sharpness_search(network).scale is not None

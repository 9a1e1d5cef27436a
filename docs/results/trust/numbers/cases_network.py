"""Cases of reading networks, of monitors and of how a training is computed."""

import contextlib
import tempfile
import warnings
from pathlib import Path

import numpy as np
import torch
from case import Answer, case, error
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.functional import cross_entropy, one_hot

import gengap
from gengap.data import Problem, Split, from_arrays
from gengap.measures import normalised_loss
from gengap.monitors import NormalisedLossMonitor
from gengap.train import Execution, Recipe, checkpoint, train, train_replicas

HIDDEN = "weights that are no nn.Parameter"
COMPANIONS = "scores that depend on the other examples of a batch"
FROZEN = "derivatives of a network with frozen parts"
MONITORS = "monitors: labels and batches as people have them"
SETTINGS = "how a training was computed"
CLASSES = 4


def problem(n: int = 192) -> Problem:
    """A Problem of 64 Gaussian features in four classes."""
    rng = np.random.default_rng(0)
    y = np.arange(n) % CLASSES
    x = (rng.normal(size=(CLASSES, 64))[y] + rng.normal(size=(n, 64))).astype(np.float32)
    return Problem("made-up", Split(x, y), Split(x[:8], y[:8]), tuple("abcd"))


def answer(model: nn.Module, measure: str, data: Problem | None = None) -> Answer:
    """A measure's value, or its status with what it does not cover and its reason."""
    row = gengap.measure(model, data or problem(), measures=[measure]).iloc[0]
    if row["status"] == "ok":
        return float(row["value"])
    return f"{row['status']}: {' '.join(row['not_covered'])}: {row['reason']}"


class Apart(nn.Module):
    """Two layers, and between them a product with a tensor that is no parameter."""

    def __init__(self, how: str):
        super().__init__()
        torch.manual_seed(0)
        self.how, self.first, self.last = how, nn.Linear(64, 32), nn.Linear(32, CLASSES)
        weight = torch.randn(32, 32) / 6
        if how == "buffer":
            self.register_buffer("weight", weight)
        elif how == "attribute":
            self.weight = weight
        else:
            self.array = weight.numpy()

    def forward(self, x: Tensor) -> Tensor:
        """Scores."""
        weight = torch.from_numpy(self.array) if self.how == "array" else self.weight
        return self.last(torch.relu(torch.relu(self.first(x)) @ weight))


def quantised(*names: str) -> nn.Module:
    """An MLP of which these layers are quantised dynamically."""
    from torch.ao.nn.quantized.dynamic import Linear

    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(64, 16), nn.ReLU(), nn.Linear(16, 12), nn.ReLU(), nn.Linear(12, CLASSES)).eval()
    for name in names:
        layer = model.get_submodule(name)
        layer.qconfig = torch.ao.quantization.default_dynamic_qconfig
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            setattr(model, name, Linear.from_float(layer))
    return model


def register_hidden(how: str, name: str, measure: str, before: Answer) -> None:
    """A case of a network whose middle weight is kept somehow."""

    @case(HIDDEN, f"a weight of 32 x 32 as {how}: {measure}", before=before)
    def hidden() -> tuple[Answer, Answer]:
        return f"partial: {name}", answer(Apart(how), measure)


for how, name in (("buffer", "weight"), ("attribute", "weight"), ("array", "forward")):
    register_hidden(how, name, "params", 2176.0)
register_hidden("buffer", "weight", "all_params", 2212.0)


@case(HIDDEN, "two of three layers quantised dynamically: params", before=48.0)
def partly_quantised() -> tuple[Answer, Answer]:
    """The two are named."""
    return "partial: 0 2", answer(quantised("0", "2"), "params")


@case(
    HIDDEN,
    "all three layers quantised dynamically: param_norm",
    before="skipped: : no layer of the network is one that a rule covers",
)
def wholly_quantised() -> tuple[Answer, Answer]:
    """Every layer is named."""
    return "skipped: 0 2 4", answer(quantised("0", "2", "4"), "param_norm")


class First(nn.Sequential):
    """A product with a buffer before the first layer."""

    def __init__(self) -> None:
        torch.manual_seed(0)
        super().__init__(nn.Linear(32, 16), nn.ReLU(), nn.Linear(16, CLASSES))
        self.register_buffer("weight", torch.randn(64, 32) / 8)

    def forward(self, x: Tensor) -> Tensor:
        """Scores."""
        return super().forward(x @ self.weight)


@case(HIDDEN, "a weight of 64 x 32 as buffer before two layers: product_norm", before=2.865565)
def hidden_in_a_chain() -> tuple[Answer, Answer]:
    """A product over the other layers alone would be another network's."""
    return "NotHomogeneousError", error(lambda: gengap.measures.product_norm(First()))


class OverTheBatch(nn.Module):
    """A network that normalises over its batch."""

    def __init__(self, how: str):
        super().__init__()
        torch.manual_seed(0)
        self.how, self.first, self.head = how, nn.Linear(64, 8), nn.Linear(8, CLASSES)
        self.norm = nn.BatchNorm1d(8, track_running_stats=False)

    def forward(self, x: Tensor) -> Tensor:
        """Scores."""
        h = torch.relu(self.first(x))
        return self.head(self.norm(h) if self.how == "batch norm" else h - h.mean(0))


def register_companions(how: str, measure: str, before: Answer) -> None:
    """A case of a network without one value."""

    @case(COMPANIONS, f"{how} over the batch: {measure}", before=before)
    def companions() -> tuple[Answer, Answer]:
        now = answer(OverTheBatch(how), measure)
        return "skipped", now


register_companions("batch norm", "cross_entropy", 1.586648)
register_companions("batch norm", "margin_median", -0.5633300)
register_companions("centring", "cross_entropy", 1.450468)
register_companions("centring", "fisher_rao", 0.1904975)


class Frozen(nn.Module):
    """A backbone apart from its derivatives, and a head."""

    def __init__(self, how: str):
        super().__init__()
        torch.manual_seed(0)
        self.how, self.body, self.head = how, nn.Linear(64, 16), nn.Linear(16, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        """Scores."""
        context = torch.no_grad() if self.how == "no_grad()" else contextlib.nullcontext()
        with context:
            h = torch.tanh(self.body(x))
        if self.how == "detach()":
            h = h.detach()
        elif self.how == "half of it detach()":
            h = h / 2 + h.detach() / 2
        elif self.how == ".data":
            h = h.data
        return self.head(h)


def register_frozen(how: str, before_fisher: Answer, before_noise: Answer) -> None:
    """Cases of a network with a frozen backbone."""

    @case(
        FROZEN, f"backbone under {how}: Fisher-Rao norm, by central differences", before=before_fisher, tolerance=1e-4
    )
    def fisher_rao() -> tuple[Answer, Answer]:
        model, data = Frozen(how).double(), problem()
        theta = {name: value.detach() for name, value in model.named_parameters()}
        x, y = torch.from_numpy(data.train.x.copy()).double(), torch.from_numpy(data.train.y.copy())

        def losses(factor: float) -> Tensor:
            weights = {name: factor * value for name, value in theta.items()}
            with torch.no_grad():
                return cross_entropy(functional_call(model, weights, (x,)), y, reduction="none")

        slopes = (losses(1 + 1e-5) - losses(1 - 1e-5)) / 2e-5
        return float(slopes.square().mean()), answer(Frozen(how), "fisher_rao")

    @case(
        FROZEN, f"backbone under {how}: gradient noise, beside the same function", before=before_noise, tolerance=1e-5
    )
    def noise() -> tuple[Answer, Answer]:
        return answer(Frozen("nothing"), "gradient_noise_final"), answer(Frozen(how), "gradient_noise_final")


NO_EDGE = "skipped: error: RuntimeError: materialize_grads cannot be used when the given input is a GradientEdge"
register_frozen("detach()", 0.1134504, NO_EDGE)
register_frozen("no_grad()", 0.2590026, NO_EDGE)
register_frozen(".data", 0.1134504, NO_EDGE)
register_frozen("half of it detach()", 0.1776933, 0.1667909)

X, Y = torch.randn(60, 6, generator=torch.Generator().manual_seed(0)), torch.arange(60) % 3


def network() -> nn.Sequential:
    """A network of two layers."""
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 3))


LABELS: dict[str, tuple[Tensor, str]] = {
    "uint8": (Y.to(torch.uint8), "RuntimeError: gather(): Expected dtype int32/int64 for index"),
    "int32": (Y.int(), "RuntimeError: expected target dtype to be Long or Byte, but got Int"),
    "[N, 1]": (Y[:, None], "RuntimeError: 0D or 1D target tensor expected, multi-target not supported"),
    "one-hot": (one_hot(Y, 3).float(), "RuntimeError: gather(): Expected dtype int32/int64 for index"),
    "a third of them -100": (torch.where(Y == 2, -100, Y), "RuntimeError: index -100 is out of bounds"),
}


def register_labels(how: str, before: Answer) -> None:
    """A case of labels of one form."""

    @case(MONITORS, f"labels {how}: normalised loss, by the function of the same name", before=before)
    def labels() -> tuple[Answer, Answer]:
        some = Y != 2 if "-100" in how else Y >= 0
        right = normalised_loss(network(), (X[some], Y[some]))
        record = NormalisedLossMonitor(network(), (X, LABELS[how][0])).measure()
        return right, record.normalised_loss


for how in LABELS:
    register_labels(how, LABELS[how][1])


@case(MONITORS, "a step whose labels are no classes", before="IndexError: Target 3 is out of bounds.")
def no_classes() -> tuple[Answer, Answer]:
    """No value, with the reason, and the training goes on."""
    monitor = NormalisedLossMonitor(network())
    return "no error", error(lambda: monitor.from_logits(network()(X), Y + 1))


@case(SETTINGS, "two replicas, channels last asked for: the layout that a row names", before="channels_last")
def layout() -> tuple[Answer, Answer]:
    """Replicas are computed in the plain layout."""
    x, y = np.random.default_rng(0).integers(0, 256, (8, 3, 12, 12), dtype=np.uint8), np.arange(8) % 2
    recipe = Recipe(model="alexnet-small", epochs=1, batch_size=4, memory_format="channels_last")
    trios = [(from_arrays(x, y, x, y), recipe, seed) for seed in (0, 1)]
    runs = train_replicas(trios, execution=Execution(memory_format="channels_last"))
    return "contiguous", runs[0].outcome()["memory_format"]


@case(SETTINGS, "killed after two epochs of four in bfloat16, the trial then says float32: epochs trained", before=4.0)
def borderline() -> tuple[Answer, Answer]:
    """Two epochs are left."""
    x, y = np.random.default_rng(0).normal(size=(32, 6)).astype(np.float32), np.arange(32) % 2
    data, recipe, epochs = from_arrays(x, y, x, y), Recipe(epochs=4, batch_size=16), []

    def killed(done: int, total: int, text: str) -> None:
        if done == 2:
            raise KeyboardInterrupt

    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        path, interval = Path(folder) / "run", checkpoint.INTERVAL_S
        checkpoint.INTERVAL_S = 0.0
        with contextlib.suppress(KeyboardInterrupt):
            train(data, recipe, execution=Execution(precision="bfloat16"), checkpoint=path, report=killed)
        train(data, recipe, execution=Execution(), checkpoint=path, report=lambda done, *_: epochs.append(done))
        checkpoint.INTERVAL_S = interval
    return 2.0, float(len(epochs))


def register_paper(model: str) -> None:
    """A case of one network of Zhang et al. 2017."""

    @case(SETTINGS, f"precision of {model} at paper scale", before="auto")
    def precision() -> tuple[Answer, Answer]:
        from gengap.studies.zhang2017 import trainings

        return "float32", trainings._recipe(trainings.Config("paper", model)).precision


for model in ("inception-small", "mlp-1x512"):
    register_paper(model)

"""Subject: the network that is measured, its data, and everything that measures share, each computed once."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torch.func import functional_call

from gengap.data import Problem
from gengap.errors import InputError
from gengap.measures.searches import Flatness, Perturbable
from gengap.measures.spectral import NormKind, SpectralNorm, layer_norm
from gengap.measures.values import NotDefined
from gengap.network import Reading, WeightLayer, inventory, read_like, read_network
from gengap.network.batch_dependence import BatchDependence, batch_dependence
from gengap.network.copies import check_finite, plain_copy, unwrapped, with_weights
from gengap.network.gradient_check import gradient_fault
from gengap.network.inputs import BATCH, batches, examples
from gengap.network.layers import UNUSED
from gengap.network.outputs import return_scores, select_output
from gengap.network.passes import Evaluation, evaluate, evaluate_with_gradients, per_example_layers
from gengap.network.state_names import named_for
from gengap.network.through_detach import check_differentiable
from gengap.seeds import generator
from gengap.train import resolve_device

MINIBATCH = 64  # of the pass with gradients
SMALLEST, LARGEST = 1e-60, 1e60  # of a layer's largest weight
T = TypeVar("T")
PROBED = 2  # examples of passes that check
READ = 256  # examples by which the network is read


class Subject:
    """A trained network and what it was trained on.

    Attributes:
        model: The network's copy, in evaluation mode; it returns one tensor of scores ``[B, C]``. Weights that
            parametrizations compute are parameters with the values that they have.
        network: A copy that computes them still, likewise; where there are none, ``model`` itself.
        problem: The data.
        initial: The network at initialisation, likewise; None where it is not known.
        seed: Of everything drawn.
        device: Where ``model`` computes.
        subset: Examples in ``sample``; set before its first use.
        level_step: Pairs of mixed examples are mixed at every so many levels of a curve, the pairs in turn; 1: at all.
        with_gradients: Whether the one pass over the data goes back too; set before the first use of ``pass_``.
        report: Called with the name of a search and the passes that it has made; set before the first search.

    Args:
        model: The network; it stays as it is.
        problem: The data that it was trained on.
        initial: The network at initialisation, or its state dict.
        output: Key or index of the scores, where the network returns a dict or a tuple.
        seed: At least 0.
        device: ``auto``, ``cpu`` or ``cuda``.
        subset: How many examples searches use, at least 1.
        history: Of training: a record an epoch, with ``steps`` so far and ``train_loss``.

    Raises:
        InputError: A network that cannot be copied, does not take the data, returns no scores of the classes or has
            weights that are not finite; initial weights of another shape.
    """

    def __init__(
        self,
        model: nn.Module,
        problem: Problem,
        initial: nn.Module | Mapping[str, Tensor] | None = None,
        *,
        output: str | int | None = None,
        seed: int = 0,
        device: str = "cpu",
        subset: int = 1000,
        history: Sequence[Mapping[str, Any]] | None = None,
    ):
        if not isinstance(problem, Problem):
            raise InputError(
                f"The data are a {type(problem).__name__}.",
                expected="a Problem",
                next_step="gengap.load(…) makes one of a name or path, gengap.data.from_datasets(…) of torch data sets",
            )
        if subset < 1:
            raise InputError(f"A subset of {subset} examples.", expected="at least one")
        self.problem, self.seed, self.subset = problem, seed, subset
        self.history = history
        self.level_step = 1
        self.with_gradients = False
        self.report: Callable[[str, float], None] = lambda search, passes: None
        self._once: dict[Callable[[Subject], Any], Any] = {}
        self._spectral: dict[tuple[NormKind, str], SpectralNorm] = {}
        self.device = torch.device(resolve_device(device))
        self.model = plain_copy(model).to(self.device)
        check_finite(self.model, "the network")
        return_scores(self.model, output, self.inputs(slice(PROBED)), problem.n_classes)
        self.network = self._parametrized(model, output)
        self.initial: nn.Module | None = None
        if initial is not None:
            plain = self.model.state_dict()
            if isinstance(initial, Mapping) and named_for(initial, plain).keys() != plain.keys():
                # The names of the network as it is given, in which some weights are computed from others.
                initial = with_weights(unwrapped(model), initial, "the initial network")
            self.initial = with_weights(self.model, initial, "the initial network")
            check_finite(self.initial, "the initial network")

    def _parametrized(self, model: nn.Module, output: str | int | None) -> nn.Module:
        copy = plain_copy(model, parametrized=True)
        if dict(copy.named_parameters()).keys() == dict(self.model.named_parameters()).keys():
            return self.model
        select_output(copy, output, self.inputs(slice(PROBED)))
        copy = copy.to(self.device)
        check_differentiable(copy, self.inputs(slice(PROBED)))
        return copy

    @property
    def n(self) -> int:
        """Number of training examples m."""
        return len(self.problem.train)

    @property
    def n_classes(self) -> int:
        """Number of classes C."""
        return self.problem.n_classes

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Shape of one example."""
        return self.problem.input_shape

    @cached_property
    def reading(self) -> Reading:
        """The network as a pass of some examples shows it."""
        return read_network(self.model, self.inputs(slice(READ)))

    @property
    def folded_model(self) -> nn.Module:
        """A copy of the network with batch norm folded into the layers before it, where it can be."""
        return self.reading.folded_model

    @property
    def layers(self) -> tuple[WeightLayer, ...]:
        """The weight layers of ``folded_model``, in the order of their first call; tied weights come once."""
        return self.reading.layers

    @property
    def uncovered(self) -> dict[str, str]:
        """Name of a layer or parameter -> why no rule covers it."""
        return self.reading.uncovered

    @cached_property
    def extreme(self) -> tuple[str, ...]:
        """Names of layers, at initialisation too, whose weights' powers and products float64 may not hold.

        Their largest absolute value is outside 1e-60 to 1e60, far beyond float32's range, and not 0.
        """
        layers = (*self.layers, *(self.initial_layers or ()))
        largest = [(layer.name, float(layer.weight.abs().max())) for layer in layers if layer.weight.numel()]
        return tuple(dict.fromkeys(name for name, value in largest if value and not SMALLEST <= value <= LARGEST))

    @property
    def has_parameters(self) -> bool:
        """Whether any parameter is of floating type; that of a quantised network need not be."""
        return any(parameter.is_floating_point() for parameter in self.model.parameters())

    @cached_property
    def batch_dependence(self) -> BatchDependence:
        """How an example's scores depend on the others in its batch."""
        return batch_dependence(self.model, self.inputs(slice(READ)))

    @cached_property
    def gradient_fault(self) -> str:
        """Why gradients of the loss are not its slopes; empty where they are."""
        return gradient_fault(self.network, *self.sample)

    @property
    def unused(self) -> tuple[str, ...]:
        """Names of modules whose parameters the scores do not depend on; ``layers`` are without them."""
        return tuple(name for name, reason in self.reading.left_out.items() if reason == UNUSED)

    @cached_property
    def unfolded_layers(self) -> tuple[WeightLayer, ...]:
        """The weight layers as the network holds them, batch norm apart."""
        return inventory(self.model, self.reading.trace).layers

    @cached_property
    def initial_layers(self) -> tuple[WeightLayer, ...] | None:
        """The same layers as ``layers`` at initialisation, folded at the same places; None where it is not known."""
        return None if self.initial is None else read_like(self.initial, self.reading).layers

    def inputs(self, which: slice | Tensor) -> Tensor:
        """Training examples as the network takes them, on its device."""
        return examples(self.problem, which, self.model)[0]

    def batches(self, *, size: int = BATCH, shuffled: bool = False) -> Iterator[tuple[Tensor, Tensor]]:
        """The training split: inputs as the network takes them, and labels; in its own order or in a seeded one."""
        return batches(self.problem, self.model, size=size, order=self._order("batches") if shuffled else None)

    def examples(self, index: Tensor) -> tuple[Tensor, Tensor]:
        """Inputs and labels of these training examples."""
        return examples(self.problem, index, self.model)

    def _order(self, purpose: str) -> Tensor:
        return torch.from_numpy(generator(self.seed, "measures", purpose).permutation(self.n))

    @cached_property
    def sample(self) -> tuple[Tensor, Tensor]:
        """The fixed subset that searches use: the first ``subset`` examples after a seeded shuffle."""
        return self.drawn("sample", self.subset)

    def drawn(self, purpose: str, count: int) -> tuple[Tensor, Tensor]:
        """Inputs and labels of the first ``count`` training examples after a seeded shuffle of this purpose's own."""
        return self.examples(self._order(purpose)[:count])

    @property
    def pass_(self) -> Evaluation:
        """What the one pass over the training split saw: logits, margins, losses.

        Raises:
            NotDefined: Logits that are NaN or infinite, of which a percentile, say, would say nothing.
        """
        return _finite(self._there_and_back if self.with_gradients else self._there)

    @property
    def gradient_pass(self) -> Evaluation:
        """The same pass, which also went back: sums of minibatch gradients, and each layer's inputs; it raises too."""
        return _finite(self._there_and_back)

    @property
    def accuracy(self) -> float | None:
        """Fraction of the training examples that are classified correctly; None before the pass over them."""
        passes = (vars(self).get(name) for name in ("_there", "_there_and_back"))  # of those that were made
        return next((seen.accuracy for seen in passes if seen is not None), None)

    @cached_property
    def _there(self) -> Evaluation:
        return evaluate(self.model, self.batches())

    @cached_property
    def _there_and_back(self) -> Evaluation:
        layers = {name: self.network.get_submodule(name) for name in self.layer_modules}
        layers = per_example_layers(self.network, layers, self.inputs(slice(PROBED)))
        return evaluate_with_gradients(self.network, self.batches(size=MINIBATCH, shuffled=True), layers)

    @property
    def layer_modules(self) -> tuple[str, ...]:
        """Names of the modules that hold weight layers and were called, in the order of their first call.

        Of a weight that several modules share, each of them.
        """
        calls = self.reading.trace.calls
        modules = {id(module): name for name, module in self.folded_model.named_modules()}
        holders = {modules[id(layer.module)] for layer in self.layers}
        holders.update(name for layer in self.layers for name in layer.tied)
        return tuple(name for name in calls if name in holders)

    @cached_property
    def flatness(self) -> Flatness:
        """The searches for the largest perturbation of the layers' weights, on ``sample``; each done at first use."""
        network = Perturbable(self.folded_model, dict.fromkeys(layer.parameter for layer in self.layers), *self.sample)
        flatness = Flatness(network, self.layers, self.initial_layers, self.seed, self.n)
        flatness.report = self.report
        return flatness

    def spectral_norms(self, kind: NormKind = "operator") -> dict[str, SpectralNorm]:
        """Layer's name -> its largest singular value, each computed once.

        Args:
            kind: ``operator``: of a convolution on its real input size; ``matrix``: of the reshaped kernel; see
                ``layer_norm``.
        """
        for layer in self.layers:
            if (kind, layer.name) not in self._spectral:
                self._spectral[kind, layer.name] = layer_norm(layer, kind)
        return {layer.name: self._spectral[kind, layer.name] for layer in self.layers}

    def once(self, compute: Callable[["Subject"], T]) -> T:
        """``compute(self)``, computed at the first call: for what the measures of one family share."""
        if compute not in self._once:
            self._once[compute] = compute(self)
        shared: T = self._once[compute]
        return shared

    def predict(self, params: Mapping[str, Tensor], x: Tensor) -> Tensor:
        """Scores ``[B, C]`` of the network with these of its parameters replaced."""
        scores: Tensor = functional_call(self.model, dict(params), (x,))
        return scores


def _finite(seen: Evaluation) -> Evaluation:
    wrong = int((~seen.logits.isfinite().all(1)).sum())
    if wrong:
        raise NotDefined(f"the network's outputs are NaN or infinite on {wrong} of {len(seen.logits)} examples")
    return seen

"""A model from its name: a registered network, a user's factory or a folder of Hugging Face."""

from torch import nn

from gengap.errors import InputError, unknown
from gengap.models.factory import check_output, from_factory
from gengap.models.hugging_face import check_folder_inputs, from_folder, is_model_folder
from gengap.models.registry import FAMILIES, NETWORKS, Network, Shape, find_network


def build(
    name: str,
    input_shape: Shape,
    n_classes: int,
    *,
    dropout: float = 0.0,
    vocabulary: int | None = None,
    any_output: bool = False,
) -> nn.Module:
    """A freshly initialised model in training mode; the same ``torch.manual_seed`` before it gives the same weights.

    Args:
        name: A name of ``named()``; ``mlp-DEPTHxWIDTH`` or ``nin-DEPTHxWIDTH`` of any size;
            ``"module.path:factory"`` for a network of the user's (see ``from_factory``); or the path of a folder of
            Hugging Face (see ``from_folder``).
        input_shape: Shape of one example, ``(C, H, W)`` or ``(D,)``; of tokens ``(T,)``, with a mask ``(2, T)``.
        n_classes: Number of classes C, at least 2.
        dropout: Probability in [0, 1) with which inputs of a named network's last or wide layers are dropped.
        vocabulary: Number of different tokens, where inputs are tokens; None for numbers.
        any_output: Whether a network of the user's may return anything, not scores alone; see ``from_factory``.

    Raises:
        InputError: Unknown name, a shape that the network cannot take, a factory that gives no usable network.
    """
    shape = tuple(input_shape)
    _check_numbers(shape, n_classes, dropout)
    registered = find_network(name)
    if registered is not None:
        return _named(registered, shape, n_classes, dropout, vocabulary)
    folder = is_model_folder(name)
    if not folder and ":" not in name:
        sizes = [f"{family}-DEPTHxWIDTH" for family in FAMILIES]
        raise unknown("model", name, [*NETWORKS, *sizes, "module.path:factory", "a folder of Hugging Face"])
    if dropout:
        raise InputError(
            f"Dropout {dropout} cannot be put into {name}.",
            expected="dropout 0 with a network of your own",
            next_step="set it in the config" if folder else "build the dropout layers in the factory",
        )
    if not folder:
        return from_factory(name, shape, n_classes, vocabulary=vocabulary, any_output=any_output)
    network = from_folder(name, n_classes)
    check_folder_inputs(name, vocabulary)
    check_output(network, shape, n_classes, vocabulary=vocabulary, name=f"The network of {name}")
    return network


def _named(network: Network, shape: Shape, n_classes: int, dropout: float, vocabulary: int | None) -> nn.Module:
    if (network.vocabulary is None) != (vocabulary is None):
        takes, other = ("numbers", "tokens") if network.vocabulary is None else ("tokens", "numbers")
        alike = sorted(each.name for each in NETWORKS.values() if (each.vocabulary is None) == (vocabulary is None))
        raise InputError(
            f"{network.name} takes {takes}, and the data are {other}.",
            expected=f"one of {', '.join(alike)}, or a network of your own",
            next_step="if they are tokens, give the size of their vocabulary: --vocabulary"
            if takes == "tokens"
            else "",
        )
    if vocabulary is None:
        _check_shape(network, shape)
        return network.make(shape, n_classes, dropout)
    return network.make(shape, n_classes, dropout, vocabulary)


def _check_numbers(shape: Shape, n_classes: int, dropout: float) -> None:
    if not shape or min(shape) < 1:
        raise InputError(f"No model takes inputs of shape {shape}.", expected="a shape of positive sides")
    if n_classes < 2:
        raise InputError(f"A model for {n_classes} class(es).", expected="at least two classes")
    if not 0 <= dropout < 1:
        raise InputError(f"Dropout probability {dropout}.", expected="a probability in [0, 1)")


def _check_shape(network: Network, shape: Shape) -> None:
    if network.smallest is None:
        return
    if len(shape) != 3:
        raise InputError(
            f"{network.name} cannot take inputs of shape {shape}.",
            expected="images of shape (channels, height, width)",
            next_step="use an MLP, which takes any shape",
        )
    if min(shape[1:]) < network.smallest:
        raise InputError(
            f"{network.name} cannot take images of {shape[1]} x {shape[2]} pixels.",
            expected=f"at least {network.smallest} x {network.smallest} pixels",
            next_step="use another model, or larger images",
        )

"""Norms of the training examples as bounds for networks of one hidden layer need them."""

from dataclasses import dataclass

from gengap.measures.subject import Subject
from gengap.measures.two_layer.network import TwoLayer, initial_two_layer


@dataclass(frozen=True)
class DataNorms:
    """Of the inputs x_1 … x_m as the network takes them.

    Attributes:
        mean_square: Mean of ``||x_i||_2^2``.
        largest_square: Maximum of ``||x_i||_2^2``.
        mean_square_entry: Mean of ``||x_i||_inf^2``. (The authors' code adds it once for each batch, without absolute
            values, and divides by m.)
    """

    mean_square: float
    largest_square: float
    mean_square_entry: float


def data_norms(subject: Subject) -> DataNorms:
    """Of the training split."""
    total, largest, entries = 0.0, 0.0, 0.0
    for x, _ in subject.batches():
        flat = x.flatten(1).double()
        squares = flat.square().sum(1)
        total += float(squares.sum())
        largest = max(largest, float(squares.max()))
        entries += float(flat.abs().amax(1).square().sum())
    return DataNorms(total / subject.n, largest, entries / subject.n)


def initial_activation(subject: Subject) -> float:
    """Mean over the training split of ``||[U0 x + b0]_+||_2^2``, the hidden layer at initialisation."""
    initial: TwoLayer = subject.once(initial_two_layer)
    return sum(float(initial.activations(x).square().sum()) for x, _ in subject.batches()) / subject.n

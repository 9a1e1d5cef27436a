"""Networks of any width that memorise: a multilayer perceptron, a convolutional network, a decoder of tokens."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from gengap import models
from gengap.seeds import stream

INPUTS = 32  # of a perceptron, standard normal
PIXELS = 8  # side of an image of one channel, standard normal
CLASSES = 16  # of random labels: four bits each


@dataclass(frozen=True)
class Language:
    """Random tokens and the decoder that reads them.

    Attributes:
        positions: Tokens of a sequence, T.
        vocabulary: Different tokens, V.
        depth: Blocks of the decoder.
        head: Width of a head of attention, of which the decoder's width is a multiple.
    """

    positions: int = 12
    vocabulary: int = 32
    depth: int = 1
    head: int = 4


def network(kind: str, width: int, seed: int, language: Language) -> nn.Module:
    """A fresh network: one score a class, ``[B, 16]``, or of a decoder one a token, ``[B * T, V]``.

    Args:
        kind: ``"perceptron"`` of ``[B, 32]``, ``"convolutional"`` of ``[B, 1, 8, 8]``, ``"transformer"`` of tokens
            ``[B, T]``.
        width: Hidden units, channels, or the width of the stream.
        seed: Of the initial weights.
        language: Of a transformer.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(stream(seed, "initialisation", width))
        if kind == "perceptron":
            return models.build(f"mlp-2x{width}", (INPUTS,), CLASSES)
        return convolutional(width) if kind == "convolutional" else Decoder(width, language)


def convolutional(width: int) -> nn.Sequential:
    """Two convolutions 3 x 3 with ReLUs, a mean over 2 x 2, and a linear layer."""
    return nn.Sequential(
        nn.Conv2d(1, width, 3),
        nn.ReLU(),
        nn.Conv2d(width, width, 3),
        nn.ReLU(),
        nn.AvgPool2d(2),
        nn.Flatten(),
        nn.Linear(4 * width, CLASSES),
    )


class Decoder(nn.Module):
    """Causal attention and linear layers in blocks, as in GPT; scores of each token given those before it.

    Args:
        width: Of the stream, a multiple of the head's.
        language: Positions, vocabulary, blocks, and the width of a head.
    """

    def __init__(self, width: int, language: Language):
        super().__init__()
        self.start = language.vocabulary  # the token that stands before the first one
        self.tokens = nn.Embedding(language.vocabulary + 1, width)
        self.positions = nn.Embedding(language.positions, width)
        self.blocks = nn.ModuleList(Block(width, language.head) for _ in range(language.depth))
        self.norm, self.scores = nn.LayerNorm(width), nn.Linear(width, language.vocabulary)

    def forward(self, tokens: Tensor) -> Tensor:
        """Scores ``[B * T, V]`` of tokens ``[B, T]``."""
        before = torch.cat([torch.full_like(tokens[:, :1], self.start), tokens[:, :-1]], dim=1)
        stream = self.tokens(before) + self.positions.weight
        for block in self.blocks:
            stream = block(stream)
        scores: Tensor = self.scores(self.norm(stream))
        return scores.flatten(0, 1)


class Block(nn.Module):
    """Causal attention, then two linear layers with a GELU between; each after a layer norm, added to the stream."""

    def __init__(self, width: int, head: int):
        super().__init__()
        self.head, self.heads = head, width // head
        self.norm_attention, self.norm_linear = nn.LayerNorm(width), nn.LayerNorm(width)
        self.query, self.key, self.value, self.out = (nn.Linear(width, width) for _ in range(4))
        self.first, self.second = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        """``[B, T, width]`` -> the same shape."""
        x = x + self._attention(self.norm_attention(x))
        change: Tensor = self.second(nn.functional.gelu(self.first(self.norm_linear(x))))
        return x + change

    def _attention(self, x: Tensor) -> Tensor:
        query, key, value = (self._by_head(part(x)) for part in (self.query, self.key, self.value))
        places = torch.arange(x.shape[-2], device=x.device)
        weights = query @ key.transpose(-1, -2) / math.sqrt(self.head)
        weights = weights.masked_fill(places[None, :] > places[:, None], -torch.inf).softmax(-1)
        result: Tensor = self.out((weights @ value).transpose(-2, -3).flatten(-2))
        return result

    def _by_head(self, x: Tensor) -> Tensor:
        """``[B, T, width]`` -> ``[B, heads, T, head]``."""
        return x.view(*x.shape[:-1], self.heads, self.head).transpose(-2, -3)

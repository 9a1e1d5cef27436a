"""Small transformers for the classification of sequences of tokens."""

import math

import torch
from torch import Tensor, nn

from gengap.models.registry import Shape, network
from gengap.models.tokens import tokens_and_mask

SOURCE = (
    "Vaswani et al. 2017 (arXiv:1706.03762), the encoder; norms before each part as in Xiong et al. 2020 "
    "(arXiv:2002.04745), learned positions, and a mean over positions before the last layer"
)
HEAD = 16  # width of a head of attention


@network("transformer-2x64", input_shape=(64,), vocabulary=5000, source=SOURCE)
def transformer_2x64(input_shape: Shape, n_classes: int, dropout: float, vocabulary: int) -> nn.Module:
    """Two blocks of width 64; 424,842 parameters on 64 tokens of 5,000 with ten classes."""
    return Transformer(input_shape[-1], n_classes, vocabulary, width=64, depth=2, dropout=dropout)


@network("transformer-4x128", input_shape=(64,), vocabulary=5000, source=SOURCE)
def transformer_4x128(input_shape: Shape, n_classes: int, dropout: float, vocabulary: int) -> nn.Module:
    """Four blocks of width 128; 1,442,826 parameters on 64 tokens of 5,000 with ten classes."""
    return Transformer(input_shape[-1], n_classes, vocabulary, width=128, depth=4, dropout=dropout)


class Transformer(nn.Module):
    """An encoder of tokens whose last layer scores the mean over positions; it takes their mask in the same tensor.

    Args:
        positions: Number of positions T.
        n_classes: Number of classes C.
        vocabulary: Number of different tokens.
        width: Of the vector of each position, a multiple of 16.
        depth: Number of blocks.
        dropout: Probability with which values are dropped before they are added to the stream.
    """

    gengap_takes_one_tensor = True

    def __init__(self, positions: int, n_classes: int, vocabulary: int, *, width: int, depth: int, dropout: float):
        super().__init__()
        self.tokens = nn.Embedding(vocabulary, width)
        self.positions = nn.Embedding(positions, width)
        self.blocks = nn.ModuleList(Block(width, dropout) for _ in range(depth))
        self.norm = nn.LayerNorm(width)
        self.classifier = nn.Linear(width, n_classes)
        for module in self.modules():
            if isinstance(module, nn.Embedding | nn.Linear):
                nn.init.normal_(module.weight, std=0.02 if isinstance(module, nn.Embedding) else width**-0.5)
            if isinstance(module, nn.Linear):
                nn.init.zeros_(module.bias)

    def forward(self, x: Tensor) -> Tensor:
        """Scores ``[B, C]`` of tokens ``[B, T]``, or of tokens and mask ``[B, 2, T]``."""
        tokens, mask = tokens_and_mask(x)
        places = torch.arange(tokens.shape[-1], device=tokens.device).expand(tokens.shape)
        stream = self.tokens(tokens) + self.positions(places)
        for block in self.blocks:
            stream = block(stream, mask)
        stream = self.norm(stream)
        if mask is None:
            mean = stream.mean(-2)
        else:
            share = mask.to(stream.dtype) / mask.sum(-1, keepdim=True)
            mean = (stream * share[..., None]).sum(-2)
        scores: Tensor = self.classifier(mean)
        return scores


class Block(nn.Module):
    """Attention and two linear layers with a GELU between, each after a layer norm and added to the stream."""

    def __init__(self, width: int, dropout: float):
        super().__init__()
        self.heads = width // HEAD
        self.norm_attention, self.norm_linear = nn.LayerNorm(width), nn.LayerNorm(width)
        self.query, self.key, self.value, self.out = (nn.Linear(width, width) for _ in range(4))
        self.first, self.second = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        """``[B, T, width]`` -> the same shape."""
        x = x + self.dropout(self._attention(self.norm_attention(x), mask))
        change: Tensor = self.second(nn.functional.gelu(self.first(self.norm_linear(x))))
        return x + self.dropout(change)  # type: ignore[no-any-return]

    def _attention(self, x: Tensor, mask: Tensor | None) -> Tensor:
        query, key, value = (self._by_head(part(x)) for part in (self.query, self.key, self.value))
        weights = query @ key.transpose(-1, -2) / math.sqrt(HEAD)
        if mask is not None:
            weights = weights.masked_fill(~mask[..., None, None, :], -torch.inf)
        mixed = weights.softmax(-1) @ value
        result: Tensor = self.out(mixed.transpose(-2, -3).flatten(-2))
        return result

    def _by_head(self, x: Tensor) -> Tensor:
        """``[B, T, width]`` -> ``[B, heads, T, HEAD]``."""
        return x.view(*x.shape[:-1], self.heads, HEAD).transpose(-2, -3)

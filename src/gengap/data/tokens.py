"""Sequences of tokens: whole numbers below the size of a vocabulary, with a mask where some positions are padding."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from gengap.errors import InputError

TOKENS, MASK = 0, 1  # rows of an example with a mask
_SIGNED = {1: np.int16, 2: np.int32, 4: np.int64, 8: np.int64}  # PyTorch has few operations on unsigned numbers


def token_array(tokens: Any, mask: Any, split: str) -> NDArray[Any]:
    """Tokens ``[N, T]``, or tokens and mask ``[N, 2, T]``, in a signed type.

    Args:
        tokens: Whole numbers ``[N, T]``; a signed type stays as it is.
        mask: 1 or True where there is a token, 0 or False where there is padding, ``[N, T]``; None without padding.
        split: What errors call the examples, ``"training"`` or ``"test"``.

    Raises:
        InputError: Other shapes or types, a mask of other values, or one that leaves nothing of an example.
    """
    x = np.asarray(tokens)
    if x.dtype.kind not in "iu" or x.ndim != 2:
        raise InputError(
            f"The {split} inputs are of type {x.dtype} and shape {x.shape}.",
            expected="tokens, whole numbers of shape [N, T], where a vocabulary or a mask is given",
        )
    native = x.dtype.newbyteorder("=") if x.dtype.kind == "i" else np.dtype(_SIGNED[x.dtype.itemsize])
    x = x.astype(native, copy=False)
    return x if mask is None else np.stack([x, _checked(mask, x, split)], axis=1)


def vocabulary_of(*arrays: NDArray[Any]) -> int:
    """The smallest vocabulary that holds all tokens: the largest one, plus one."""
    return 1 + max(int(tokens_of(x).max(initial=0)) for x in arrays)


def tokens_of(x: NDArray[Any]) -> NDArray[Any]:
    """The tokens ``[N, T]`` of stored inputs, without their mask."""
    return x[:, TOKENS] if x.ndim == 3 else x


def check_tokens(x: NDArray[Any], vocabulary: int, where: str) -> None:
    """Sees that all tokens are of the vocabulary.

    Args:
        x: ``[N, T]`` or ``[N, 2, T]``.
        vocabulary: Its size V; tokens are 0, …, V - 1.
        where: What errors call the examples.

    Raises:
        InputError: One is not; the message names it, and where it is.
    """
    tokens = tokens_of(x)
    for start in range(0, len(tokens), _BLOCK):
        block = tokens[start : start + _BLOCK]
        outside = (block < 0) | (block >= vocabulary)
        if outside.any():
            example, position = np.argwhere(outside)[0]
            raise InputError(
                f"{where} example {start + example} holds token {block[example, position]} at position {position}, "
                f"which is not in a vocabulary of {vocabulary:,}.",
                expected=f"tokens from 0 to {vocabulary - 1}",
                next_step="give the size of the vocabulary that the tokens were made with: --vocabulary (vocabulary=)",
            )


_BLOCK = 4096


def _checked(mask: Any, x: NDArray[Any], split: str) -> NDArray[Any]:
    values = np.asarray(mask)
    if values.shape != x.shape or values.dtype.kind not in "biuf" or not np.isin(values, (0, 1)).all():
        raise InputError(
            f"The {split} mask is of type {values.dtype} and shape {values.shape}.",
            expected=f"0 for padding and 1 for a token, of the tokens' shape {x.shape}",
        )
    empty = np.flatnonzero(~values.astype(bool).any(axis=1))
    if len(empty):
        raise InputError(
            f"The mask of {split} example {empty[0]} leaves no token.",
            expected="at least one token in each example",
            next_step="drop such examples",
        )
    return values.astype(x.dtype)

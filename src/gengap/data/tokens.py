"""Sequences of tokens: whole numbers below the size of a vocabulary, with a mask where some positions are padding."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from gengap.data.rows import MaskedRows, Rows, blocks, typed
from gengap.errors import InputError

TOKENS, MASK = 0, 1  # rows of an example with a mask
_SIGNED = {1: np.int16, 2: np.int32, 4: np.int64, 8: np.int64}  # PyTorch has few operations on unsigned numbers


def token_array(tokens: Any, mask: Any, split: str) -> Any:
    """Tokens ``[N, T]``, or tokens and mask ``[N, 2, T]``, in a signed type; ``Rows`` stay in their files.

    Args:
        tokens: Whole numbers ``[N, T]``; a signed type stays as it is.
        mask: 1 or True where there is a token, 0 or False where there is padding, ``[N, T]``; None without padding.
        split: What errors call the examples, ``"training"`` or ``"test"``.

    Raises:
        InputError: Other shapes or types, a mask of other values, or one that leaves nothing of an example.
    """
    x = tokens if isinstance(tokens, Rows) else np.asarray(tokens)
    if x.dtype.kind not in "iu" or x.ndim != 2:
        raise InputError(
            f"The {split} inputs are of type {x.dtype} and shape {x.shape}.",
            expected="tokens, whole numbers of shape [N, T], where a vocabulary or a mask is given",
        )
    native = x.dtype.newbyteorder("=") if x.dtype.kind == "i" else np.dtype(_SIGNED[x.dtype.itemsize])
    x = typed(x, native)
    if mask is None:
        return x
    values = mask if isinstance(mask, Rows) else np.asarray(mask)
    _check_mask(values, x.shape, split)
    if isinstance(x, Rows) and isinstance(values, Rows):
        return MaskedRows(x, values)
    return np.stack([x, np.asarray(values).astype(x.dtype)], axis=1)


def vocabulary_of(*arrays: Any) -> int:
    """The smallest vocabulary that holds all tokens: the largest one, plus one."""
    return 1 + max(int(tokens_of(block).max(initial=0)) for x in arrays for _, block in blocks(x))


def tokens_of(x: NDArray[Any]) -> NDArray[Any]:
    """The tokens ``[N, T]`` of stored inputs, without their mask."""
    return x[:, TOKENS] if x.ndim == 3 else x


def outside_of_vocabulary(x: Any, vocabulary: int, where: str) -> InputError:
    """The error for tokens of which one is not of the vocabulary; the message names it, and where it is.

    Args:
        x: ``[N, T]`` or ``[N, 2, T]``.
        vocabulary: Its size V; tokens are 0, …, V - 1.
        where: What errors call the examples.
    """
    for start, block in blocks(x):  # noqa: B007  used after the loop
        tokens = tokens_of(block)
        outside = (tokens < 0) | (tokens >= vocabulary)
        if outside.any():
            example, position = np.argwhere(outside)[0]
            break
    return InputError(
        f"{where} example {start + example} holds token {tokens[example, position]} at position {position}, "
        f"which is not in a vocabulary of {vocabulary:,}.",
        expected=f"tokens from 0 to {vocabulary - 1}",
        next_step="give the size of the vocabulary that the tokens were made with: --vocabulary (vocabulary=)",
    )


def _check_mask(values: Any, shape: tuple[int, ...], split: str) -> None:
    fits = values.shape == shape and values.dtype.kind in "biuf"
    if not fits or not all(np.isin(block, (0, 1)).all() for _, block in blocks(values)):
        raise InputError(
            f"The {split} mask is of type {values.dtype} and shape {values.shape}.",
            expected=f"0 for padding and 1 for a token, of the tokens' shape {shape}",
        )
    for start, block in blocks(values):
        empty = np.flatnonzero(~block.astype(bool).any(axis=1))
        if len(empty):
            raise InputError(
                f"The mask of {split} example {start + empty[0]} leaves no token.",
                expected="at least one token in each example",
                next_step="drop such examples",
            )

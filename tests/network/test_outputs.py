"""The part of a network's output that holds the scores, in whatever container."""

from collections import namedtuple
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from gengap.errors import InputError
from gengap.network.outputs import output_part, scores_of

SCORES, HIDDEN = torch.zeros(2, 3), torch.ones(2, 5)


@dataclass
class Returned:
    """As a library's networks return it."""

    logits: torch.Tensor
    hidden: torch.Tensor


Named = namedtuple("Named", ["logits", "hidden"])


@pytest.mark.parametrize(
    "returned",
    [
        Returned(SCORES, HIDDEN),
        Named(SCORES, HIDDEN),
        SimpleNamespace(logits=SCORES, hidden=HIDDEN),
        {"logits": SCORES, "hidden": HIDDEN},
    ],
)
def test_scores_are_found_by_name(returned: Any) -> None:
    assert output_part(returned, "logits") is SCORES
    with pytest.raises(InputError, match="no 'scores'") as raised:
        output_part(returned, "scores")
    assert "'logits' (2, 3)" in raised.value.expected

    class Net(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> Any:
            return returned

    with pytest.raises(InputError, match=r"'logits' \(2, 3\), 'hidden' \(2, 5\)"):
        scores_of(Net(), torch.zeros(2, 4))

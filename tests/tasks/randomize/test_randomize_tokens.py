"""The randomization test of a transformer on tokens with a mask, and what is refused before it trains."""

import json
from pathlib import Path

import numpy as np
import pytest

from gengap.cli import main

pytestmark = pytest.mark.usefixtures("one_core")

NETWORK = """
from torch import nn

class Bag(nn.Module):
    def __init__(self, shape, n_classes, vocabulary, limit=None):
        super().__init__()
        assert shape == (12,)
        self.embedding = nn.Embedding(limit or vocabulary, 8)
        self.out = nn.Linear(8, n_classes)

    def forward(self, tokens, mask):
        assert mask.dtype.is_floating_point is False and tokens.shape == mask.shape
        return self.out((self.embedding(tokens) * mask[..., None]).sum(1))

class Blind(nn.Module):
    def __init__(self, shape, n_classes):
        super().__init__()
        self.out = nn.Embedding(9, n_classes)

    def forward(self, tokens):
        return self.out(tokens).mean(1)

def small(shape, n_classes):
    return Bag(shape, n_classes, 5)
"""
FAST = [
    "--workers",
    "1",
    "--device",
    "cpu",
    "--set",
    "epochs=1",
    "--set",
    "batch_size=20",
    "--set",
    "warm_up_epochs=0",
    "--set",
    "precision=float32",
]


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    rng = np.random.default_rng(0)
    x = rng.integers(0, 9, (60, 12))
    mask = np.arange(12) < rng.integers(4, 13, (60, 1))
    y = (x[:, 0] > 4).astype(int)
    arrays = {"x_train": x[:40], "y_train": y[:40], "x_test": x[40:], "y_test": y[40:]}
    np.savez(tmp_path / "t.npz", mask_train=mask[:40], mask_test=mask[40:], vocabulary=9, **arrays)
    np.savez(tmp_path / "plain.npz", **arrays)
    (tmp_path / "nets_of_tokens.py").write_text(NETWORK)
    monkeypatch.chdir(tmp_path)
    return "t.npz"


def run(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as ended:
        main(["randomize", *arguments])
    captured = capsys.readouterr()
    return int(ended.value.code or 0), captured.out, captured.err


@pytest.mark.parametrize("model", [None, "nets_of_tokens:Bag"])
def test_tokens_train_under_every_corruption(data: str, model: str | None, capsys: pytest.CaptureFixture[str]) -> None:
    corruptions = "labels,random-tokens,random-positions,shuffled-positions"
    more = [] if model is None else ["--model", model]
    code, out, _ = run(["--data", data, "--corruption", corruptions, "--levels", "0", *more, *FAST, "--json"], capsys)
    document = json.loads(out)
    assert code == 0
    assert [row["corruption"] for row in document["rows"]] == ["labels", *corruptions.split(",")[1:]]
    assert {row["status"] for row in document["rows"]} == {"done"}
    assert document["summary"]["seen_as"] == "12 tokens of a vocabulary of 9, padding masked"
    assert document["rows"][0]["model"] == (model or "transformer-2x64")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--vocabulary", "8"], "holds token 8 at position"),
        (["--corruption", "gaussian"], "is for numbers, and t holds tokens"),
        (["--model", "mlp-1x512"], "takes numbers, and the data are tokens"),
        (["--model", "nets_of_tokens:small"], "12 tokens of 9: IndexError"),
        (["--model", "nets_of_tokens:Blind"], "takes one argument, but the data have tokens and a mask"),
        (["--scale", "unit"], "not cropped or scaled"),
        (["--set", "mixup=0.2"], "which mixup cannot mix"),
        (["--set", "flip=true"], "has no images, which flip is for"),
        (["--data", "plain.npz", "--model", "transformer-2x64"], "give the size of their vocabulary: --vocabulary"),
    ],
)
def test_what_tokens_do_not_allow(
    data: str, arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = run(["--data", data, *FAST, *arguments], capsys)
    assert (code, out) == (2, "")
    assert message in err
    assert "Traceback" not in err

"""How long ``gengap audit`` takes on a ResNet-18 (ImageNet stem) and 10,000 images of 32 x 32: ``default_call.py OUT``.

The network has fresh weights: what its parts cost does not depend on them. Writes ``seconds.csv``, a row a part.
"""

import json
import resource
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import nn

import gengap

N_TRAIN, N_TEST = 8_000, 2_000


class Block(nn.Module):
    """Two convolutions with batch norm, and a way around them."""

    def __init__(self, inputs: int, outputs: int, stride: int):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False), nn.BatchNorm2d(outputs)
        self.conv2, self.bn2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False), nn.BatchNorm2d(outputs)
        self.relu, self.down = nn.ReLU(), nn.Sequential()
        if stride > 1 or inputs != outputs:
            self.down = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Maps ``[B, inputs, H, W]`` to ``[B, outputs, H / stride, W / stride]``."""
        return self.relu(self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x))))) + self.down(x))


def resnet18() -> nn.Module:
    """ResNet-18 with the stem of ImageNet: 11,181,642 parameters for ten classes."""
    stem = [nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64), nn.ReLU(), nn.MaxPool2d(3, 2, 1)]
    widths = [(64, 64, 1), (64, 64, 1), (64, 128, 2), (128, 128, 1), (128, 256, 2), (256, 256, 1), (256, 512, 2)]
    blocks = [Block(*width) for width in (*widths, (512, 512, 1))]
    return nn.Sequential(*stem, *blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, 10))


def main(out: Path) -> None:
    """Audits it by the default call and by --quick."""
    out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(0)
    torch.save(resnet18().state_dict(), out / "resnet18.pt")
    problem = gengap.load("cifar10").take(N_TRAIN, N_TEST)
    arrays = {
        "x_train": problem.train.x,
        "y_train": problem.train.y,
        "x_test": problem.test.x,
        "y_test": problem.test.y,
    }
    np.savez(out / "images.npz", **arrays)
    rows = []
    for name, options in (("default", []), ("quick", ["--quick"])):
        started, used = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
        command = ["audit", "default_call:resnet18", "--weights", str(out / "resnet18.pt"), "--data"]
        command += [str(out / "images.npz"), "--scale", "unit", "--out", str(out / name), *options]
        subprocess.run([sys.executable, "-m", "gengap", *command], cwd=Path(__file__).parent, check=True)
        rows.append({"call": name, "part": "the whole call", "seconds": time.perf_counter() - started})
        now = resource.getrusage(resource.RUSAGE_CHILDREN)
        rows[-1]["cpu_seconds"] = now.ru_utime + now.ru_stime - used.ru_utime - used.ru_stime
        report = json.loads((out / name / "report.json").read_text())
        for part, record in report["parts"].items():
            rows.append({"call": name, "part": part, "seconds": record["seconds"], "on": record["sample"]})
            rows[-1] |= {"status": record["status"], "reason": record["reason"]}
    pd.DataFrame(rows).to_csv(out / "seconds.csv", index=False)


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())

"""What a good user writes without gengap: the plain opponents of the benchmarks, on CIFAR-10.

Both train in float32, contiguous and eager, with the paper's preprocessing and optimiser: the central 28 x 28 pixels,
each image whitened; SGD with momentum 0.9; batches of 128. One reads its data through a ``DataLoader``, the
other keeps them in memory as tensors. Times include preprocessing but not the data's arrival from disk.
"""

import time
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

BATCH = 128
SIDE = 28
LEARNING_RATES = {  # Zhang et al. 2017, section 3
    "mlp-1x512": 0.01,
    "mlp-3x512": 0.01,
    "alexnet-small": 0.01,
    "inception-small": 0.1,
    "inception-small-no-bn": 0.1,
}


@dataclass(frozen=True)
class Epoch:
    """One epoch of training: seconds, and the accuracy in [0, 1] on the evaluated images after it."""

    seconds: float
    accuracy: float


class WhitenedImages(torch.utils.data.Dataset[tuple[Tensor, Tensor]]):
    """Images whitened one by one as they are asked for."""

    def __init__(self, x: Tensor, y: Tensor):
        self.x, self.y = x, y

    def __len__(self) -> int:
        return len(self.y)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        return whiten(self.x[index].unsqueeze(0)).squeeze(0), self.y[index]


def whiten(x: Tensor) -> Tensor:
    """Float32 images ``[N, C, 28, 28]`` of zero mean and unit variance from uint8 images ``[N, C, H, W]``."""
    top, left = (x.shape[-2] - SIDE) // 2, (x.shape[-1] - SIDE) // 2
    x = x[..., top : top + SIDE, left : left + SIDE].float() / 255
    mean = x.mean(dim=(1, 2, 3), keepdim=True)
    std = x.std(dim=(1, 2, 3), keepdim=True, correction=0)
    return (x - mean) / std.clamp(min=x[0].numel() ** -0.5)


def train_epoch_dataloader(
    model: nn.Module, x: Tensor, y: Tensor, x_test: Tensor, y_test: Tensor, *, lr: float, workers: int = 0
) -> Epoch:
    """(a) One epoch through a ``DataLoader`` that whitens image by image, then the accuracy on the test images.

    Args:
        model: Trained in place.
        x, y: Training images uint8 ``[N, C, H, W]`` and classes int64 ``[N]``.
        x_test, y_test: Images to evaluate on, in the same form; their time is not counted.
        lr: Learning rate.
        workers: The loader's processes; on two cores none is fastest.
    """
    loader = DataLoader(WhitenedImages(x, y), batch_size=BATCH, shuffle=True, num_workers=workers)
    optimizer = torch.optim.SGD(model.parameters(), lr=lr, momentum=0.9)
    start = time.perf_counter()
    model.train()
    for images, labels in loader:
        step(model, optimizer, images, labels)
    return Epoch(time.perf_counter() - start, accuracy(model, x_test, y_test))


def train_epoch_in_memory(
    model: nn.Module, x: Tensor, y: Tensor, x_test: Tensor, y_test: Tensor, *, lr: float
) -> Epoch:
    """(b) The same with the training images whitened once and kept as one float32 tensor.

    Whitening is outside the time, since a user pays for it once and not once an epoch. Arguments as in
    ``train_epoch_dataloader``.
    """
    images = whiten(x)
    optimizer = torch.optim.SGD(model.parameters(), lr=lr, momentum=0.9)
    start = time.perf_counter()
    model.train()
    for batch in torch.randperm(len(y)).split(BATCH):
        step(model, optimizer, images[batch], y[batch])
    return Epoch(time.perf_counter() - start, accuracy(model, x_test, y_test))


def step(model: nn.Module, optimizer: torch.optim.Optimizer, images: Tensor, labels: Tensor) -> None:
    """One step of training on a minibatch."""
    optimizer.zero_grad()
    nn.functional.cross_entropy(model(images), labels).backward()
    optimizer.step()


@torch.no_grad()
def accuracy(model: nn.Module, x: Tensor, y: Tensor) -> float:
    """The fraction of images classified rightly, in [0, 1]."""
    model.eval()
    pairs = DataLoader(TensorDataset(x, y), batch_size=1000)
    right = sum(int((model(whiten(images)).argmax(1) == labels).sum()) for images, labels in pairs)
    return right / len(y)


def plain_model(name: str) -> nn.Module:
    """A named network for 28 x 28 x 3 and ten classes as a user finds its layers in PyTorch; weights are gengap's.

    The small AlexNet gets ``nn.LocalResponseNorm``, and ReLU where the paper puts it, before the pool. The other
    networks consist of PyTorch's own layers anyway (batch normalisation without scale calls the same function).
    """
    from gengap import models

    model = models.build(name, (3, SIDE, SIDE), 10)
    if name != "alexnet-small":
        return model
    convolutions = [layer for layer in model if isinstance(layer, nn.Conv2d)]
    dense = [layer for layer in model if isinstance(layer, nn.Linear)]
    return nn.Sequential(
        *_module(convolutions[0]),
        *_module(convolutions[1]),
        nn.Flatten(),
        dense[0],
        nn.ReLU(),
        dense[1],
        nn.ReLU(),
        dense[2],
    )


def _module(convolution: nn.Conv2d) -> list[nn.Module]:
    pool = nn.MaxPool2d(3, stride=2, ceil_mode=True)
    return [convolution, nn.ReLU(), pool, nn.LocalResponseNorm(9, alpha=0.001, beta=0.75, k=1.0)]

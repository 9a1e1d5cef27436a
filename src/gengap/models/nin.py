"""Networks in networks of any depth and width, as Jiang et al. 2020 and Dziugaite et al. 2020 vary them."""

from torch import nn

from gengap.models.registry import Shape, family


@family("nin", smallest=2)
def nin(input_shape: Shape, n_classes: int, dropout: float, *, depth: int, width: int) -> nn.Module:
    """``depth`` blocks of ``width`` channels: a convolution 3 x 3 of stride 2 and two 1 x 1, each normed, with ReLU.

    A convolution 1 x 1 to the classes and a mean over positions follow; dropout, if any, ends each block. ``nin-2x200``
    has the default depth and width of Dziugaite et al. 2020 (arXiv:2010.11924), from the authors' code; they norm the
    last convolution too, and put a ReLU behind it, so that scores cannot be negative, which is left out here.
    """
    channels, layers = input_shape[0], list[nn.Module]()
    for _ in range(depth):
        for kernel in (3, 1, 1):
            convolution = nn.Conv2d(channels, width, kernel, stride=2 if kernel == 3 else 1, padding=kernel // 2)
            layers += [convolution, nn.BatchNorm2d(width), nn.ReLU()]
            channels = width
        layers += [nn.Dropout(dropout)] if dropout else []
    head = [nn.Conv2d(width, n_classes, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten()]
    return nn.Sequential(*layers, *head)

"""Zhang, Bengio, Hardt, Recht and Vinyals 2017: the randomization tests on CIFAR-10."""

from gengap.studies.zhang2017.colours import condition_colours
from gengap.studies.zhang2017.published import curves

__all__ = ["condition_colours", "curves"]

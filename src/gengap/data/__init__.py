"""Problems: data sets, what a model sees of them, and how they are corrupted."""

from gengap.data.corruptions import corrupt, corruption_names
from gengap.data.loading import load
from gengap.data.preprocessing import centre_crop, preprocess
from gengap.data.problem import Preprocessing, Problem, Scale, Split
from gengap.data.saved import open_problem, save_problem

__all__ = [
    "Preprocessing",
    "Problem",
    "Scale",
    "Split",
    "centre_crop",
    "corrupt",
    "corruption_names",
    "load",
    "open_problem",
    "preprocess",
    "save_problem",
]

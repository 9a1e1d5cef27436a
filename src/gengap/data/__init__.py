"""Problems: data sets, what a model sees of them, and how they are corrupted."""

from gengap.data.arrays import from_arrays
from gengap.data.corrupted_dataset import CorruptedDataset
from gengap.data.corruptions import (
    changes_labels,
    check_inputs,
    check_level,
    corrupt,
    corruption_names,
    find_corruption,
)
from gengap.data.fetching import fetch, verify
from gengap.data.frame import TABLES, read_frame
from gengap.data.json_file import read_json
from gengap.data.labels import is_missing, plain_array
from gengap.data.loading import is_held_out, load
from gengap.data.location import data_root
from gengap.data.mixture import error_on_noisy_labels, two_gaussians, two_gaussians_bayes_error
from gengap.data.points import Points, as_points, distinct
from gengap.data.preprocessing import centre_crop, preprocess, preprocessed
from gengap.data.problem import Problem
from gengap.data.registry import DATA_SETS, NamedDataSet, data_set_of, named_data_set
from gengap.data.saved import open_problem, save_problem
from gengap.data.split import Preprocessing, Scale, Split
from gengap.data.torch_dataset import from_datasets

__all__ = [
    # Problems
    "Problem",
    "Split",
    "Preprocessing",
    "Scale",
    # Loading
    "load",
    "is_held_out",
    "from_arrays",
    "from_datasets",
    "DATA_SETS",
    "NamedDataSet",
    "named_data_set",
    "data_set_of",
    "data_root",
    "fetch",
    "verify",
    # Corruptions
    "corrupt",
    "corruption_names",
    "find_corruption",
    "check_level",
    "check_inputs",
    "changes_labels",
    "CorruptedDataset",
    "error_on_noisy_labels",
    # What a model is fed
    "preprocess",
    "preprocessed",
    "centre_crop",
    # Saved problems
    "save_problem",
    "open_problem",
    # Files and labels
    "TABLES",
    "read_json",
    "read_frame",
    "plain_array",
    "is_missing",
    # A problem whose Bayes error is known
    "two_gaussians",
    "two_gaussians_bayes_error",
    # Points: inputs as rows of numbers
    "Points",
    "as_points",
    "distinct",
]

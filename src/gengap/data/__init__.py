"""Problems: data sets, what a model sees of them, and how they are corrupted."""

from gengap.data.arrays import from_arrays
from gengap.data.corrupted_dataset import CorruptedDataset
from gengap.data.corruptions import check_level, corrupt, corruption_names, find_corruption
from gengap.data.fetching import fetch, verify
from gengap.data.frame import TABLES, read_frame
from gengap.data.json_file import read_json
from gengap.data.labels import is_missing, plain_array
from gengap.data.loading import load
from gengap.data.location import data_root
from gengap.data.points import Points, as_points, distinct
from gengap.data.preprocessing import centre_crop, preprocess
from gengap.data.problem import Preprocessing, Problem, Scale, Split
from gengap.data.registry import DATA_SETS, NamedDataSet, data_set_of, named_data_set
from gengap.data.saved import open_problem, save_problem
from gengap.data.torch_dataset import from_datasets

__all__ = [
    "DATA_SETS",
    "TABLES",
    "CorruptedDataset",
    "NamedDataSet",
    "Points",
    "Preprocessing",
    "Problem",
    "Scale",
    "Split",
    "as_points",
    "centre_crop",
    "check_level",
    "corrupt",
    "corruption_names",
    "data_root",
    "data_set_of",
    "distinct",
    "fetch",
    "find_corruption",
    "from_arrays",
    "from_datasets",
    "is_missing",
    "load",
    "named_data_set",
    "open_problem",
    "plain_array",
    "preprocess",
    "read_frame",
    "read_json",
    "save_problem",
    "verify",
]

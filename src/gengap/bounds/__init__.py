"""Certificates: upper bounds on true risk from held-out examples, each valid for all models tried at once.

And the classical bounds from training examples: VC dimension, Rademacher complexity, uniform stability.
"""

from gengap.bounds.betting import BettingSequence, betting, betting_sequence
from gengap.bounds.chernoff_kl import chernoff_kl
from gengap.bounds.classification import auc, auc_lower, f1_lower, share_lower
from gengap.bounds.clopper_pearson import clopper_pearson, clopper_pearson_interval
from gengap.bounds.empirical_bernstein import empirical_bernstein
from gengap.bounds.examples_needed import examples_needed
from gengap.bounds.hoeffding import hoeffding
from gengap.bounds.inputs import counts, level, unit_losses
from gengap.bounds.kawaguchi2017 import kawaguchi2017_gap, kawaguchi2017_prop5
from gengap.bounds.kawaguchi2017_paths import (
    BernsteinConstants,
    Theorem8,
    kawaguchi2017_theorem8,
    kawaguchi2017_theorem9,
    kawaguchi2017_weight_norm,
)
from gengap.bounds.labels import check_classes, check_comparable, label_array, label_remarks, one_for_each
from gengap.bounds.ladder import Ladder
from gengap.bounds.leaderboard import Leaderboard
from gengap.bounds.losses import brier_losses, group_means, predicted_labels, scaled_losses, zero_one_losses
from gengap.bounds.paired import (
    PairedInterval,
    differs,
    mcnemar,
    paired_difference,
    paired_examples_needed,
    paired_power,
)
from gengap.bounds.rademacher import RademacherBound, finite_class_rademacher, rademacher_bound
from gengap.bounds.rademacher_classes import ClassComplexity, kernel_rademacher, l1_rademacher, linear_rademacher
from gengap.bounds.risk_control import RiskControl, risk_control
from gengap.bounds.shattering import Shattering, cover_count, shattering
from gengap.bounds.stability import kernel_stability, stability_bound
from gengap.bounds.stability_hardt2016 import (
    LossConstants,
    hardt2016_convex,
    hardt2016_nonconvex,
    hardt2016_strongly_convex,
    hardt2016_strongly_convex_decaying,
    logistic_constants,
)
from gengap.bounds.vc_bound import DecisionStep, vc_bound, vc_complexity, vc_dimension_bound, vc_examples_needed
from gengap.bounds.vc_dimension import VCDimension, vc_dimension

__all__ = [
    # Bounds on the true risk from held-out examples
    "clopper_pearson",
    "clopper_pearson_interval",
    "chernoff_kl",
    "hoeffding",
    "empirical_bernstein",
    "betting",
    "BettingSequence",
    "betting_sequence",
    "kawaguchi2017_prop5",
    "kawaguchi2017_gap",
    "finite_class_rademacher",
    "RademacherBound",
    "examples_needed",
    # Lower bounds on more than an accuracy
    "share_lower",
    "f1_lower",
    "auc",
    "auc_lower",
    # Comparing two models
    "paired_difference",
    "PairedInterval",
    "mcnemar",
    "differs",
    "paired_examples_needed",
    "paired_power",
    # Accepting only what is confident
    "risk_control",
    "RiskControl",
    # Adaptive reuse of a held-out set
    "Ladder",
    "Leaderboard",
    # Two-phase training
    "kawaguchi2017_theorem8",
    "kawaguchi2017_theorem9",
    "kawaguchi2017_weight_norm",
    "BernsteinConstants",
    "Theorem8",
    # Losses and labels that the bounds take
    "zero_one_losses",
    "brier_losses",
    "scaled_losses",
    "unit_losses",
    "group_means",
    "predicted_labels",
    "label_array",
    "label_remarks",
    "check_classes",
    "check_comparable",
    "one_for_each",
    "counts",
    "level",
    # Bounds from training examples: VC dimension
    "vc_dimension",
    "VCDimension",
    "DecisionStep",
    "vc_dimension_bound",
    "vc_bound",
    "vc_complexity",
    "vc_examples_needed",
    # Rademacher complexity
    "rademacher_bound",
    "linear_rademacher",
    "l1_rademacher",
    "kernel_rademacher",
    "ClassComplexity",
    # Uniform stability
    "stability_bound",
    "kernel_stability",
    "hardt2016_convex",
    "hardt2016_strongly_convex",
    "hardt2016_strongly_convex_decaying",
    "hardt2016_nonconvex",
    "LossConstants",
    "logistic_constants",
    # Shattering
    "shattering",
    "Shattering",
    "cover_count",
]

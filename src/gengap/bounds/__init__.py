"""Certificates: upper bounds on true risk from held-out examples, each valid for all models tried at once."""

from gengap.bounds.betting import BettingSequence, betting, betting_sequence
from gengap.bounds.chernoff_kl import chernoff_kl
from gengap.bounds.clopper_pearson import clopper_pearson
from gengap.bounds.empirical_bernstein import empirical_bernstein
from gengap.bounds.examples_needed import examples_needed
from gengap.bounds.hoeffding import hoeffding
from gengap.bounds.kawaguchi2017 import kawaguchi2017_gap, kawaguchi2017_prop5
from gengap.bounds.ladder import Ladder
from gengap.bounds.paired import PairedInterval, discordant_needed, mcnemar, paired_difference
from gengap.bounds.rademacher import RademacherBound, finite_class_rademacher

__all__ = [
    "BettingSequence",
    "Ladder",
    "PairedInterval",
    "RademacherBound",
    "betting",
    "betting_sequence",
    "chernoff_kl",
    "clopper_pearson",
    "discordant_needed",
    "empirical_bernstein",
    "examples_needed",
    "finite_class_rademacher",
    "hoeffding",
    "kawaguchi2017_gap",
    "kawaguchi2017_prop5",
    "mcnemar",
    "paired_difference",
]

"""Measurements that train, differentiate or follow paths: gradients of examples, paths, stability, random signs."""

from gengap.network.gradients import (
    GradientNorms,
    gradient_gram,
    gradient_norm_report,
    gradient_norms,
    per_example_gradients,
)
from gengap.probes.calibration import Calibration, ReliabilityBin, calibration
from gengap.probes.coherence_results import Alpha, Coherence, Contributions, minibatch_alpha
from gengap.probes.coherent_gradients import coherence
from gengap.probes.critical_samples import CriticalSamples, critical_samples
from gengap.probes.easy_examples import LearningEvents, learning_events
from gengap.probes.hessian import Curvature, Density, NoiseScale, Spectrum, curvature, gradient_noise_scale
from gengap.probes.input_gradients import input_gradient_log_norms, input_gradient_norms
from gengap.probes.label_errors import (
    Detection,
    agreement,
    cheap_scores,
    confident_errors,
    detection,
    fold_numbers,
    out_of_fold_probabilities,
    snapshot_scores,
)
from gengap.probes.label_free import Disagreement, ExpectedError, disagreement, negative_entropy, thresholded_confidence
from gengap.probes.near_duplicates import Nearest, equal_examples, image_detail, nearest
from gengap.probes.paths import path_features, path_kernel
from gengap.probes.random_signs import RademacherEstimate, network_rademacher, rademacher_by_training
from gengap.probes.retraining import Memorisation, leave_one_out, memorisation
from gengap.probes.sensitivity import LossSensitivity, gini, loss_sensitivity
from gengap.probes.stability import TwinStability, largest_change, twin_stability
from gengap.probes.theorem7 import Theorem7, theorem7
from gengap.probes.twin_runs import Drift, TwinRuns, twin_runs
from gengap.probes.two_phase_bounds import TwoPhaseBounds, two_phase_bounds

__all__ = [
    # Deep paths
    "Theorem7",
    "TwoPhaseBounds",
    "path_features",
    "path_kernel",
    "theorem7",
    "two_phase_bounds",
    # Gradients of examples
    "GradientNorms",
    "gradient_gram",
    "gradient_norm_report",
    "gradient_norms",
    "per_example_gradients",
    # Coherence
    "Alpha",
    "Coherence",
    "Contributions",
    "coherence",
    "minibatch_alpha",
    # Curvature
    "Curvature",
    "Density",
    "NoiseScale",
    "Spectrum",
    "curvature",
    "gradient_noise_scale",
    # Sensitivity to inputs
    "CriticalSamples",
    "LossSensitivity",
    "critical_samples",
    "gini",
    "input_gradient_log_norms",
    "input_gradient_norms",
    "loss_sensitivity",
    # Easy examples
    "LearningEvents",
    "learning_events",
    # Memorisation, influence and wrong labels
    "Detection",
    "Memorisation",
    "agreement",
    "cheap_scores",
    "confident_errors",
    "detection",
    "fold_numbers",
    "leave_one_out",
    "memorisation",
    "out_of_fold_probabilities",
    "snapshot_scores",
    # Confidence, and errors without labels
    "Calibration",
    "Disagreement",
    "ExpectedError",
    "ReliabilityBin",
    "calibration",
    "disagreement",
    "negative_entropy",
    "thresholded_confidence",
    # Examples that training and test share
    "Nearest",
    "equal_examples",
    "image_detail",
    "nearest",
    # Uniform stability
    "TwinStability",
    "largest_change",
    "twin_stability",
    # Twin runs, step by step
    "Drift",
    "TwinRuns",
    "twin_runs",
    # Rademacher complexity
    "RademacherEstimate",
    "network_rademacher",
    "rademacher_by_training",
]

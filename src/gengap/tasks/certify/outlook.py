"""How the promise of a certificate would move: with the number of models tried, with its size, and by what else."""

import numpy as np
import pandas as pd

from gengap import bounds
from gengap.bounds.inputs import SMALLEST_LEVEL
from gengap.tasks.certify.certificate import HEADLINE_ZERO_ONE, Certificate
from gengap.tasks.certify.words import rate, unit_word

_MOST_TRIED = 10**6


def by_tried(certificate: Certificate) -> pd.DataFrame:
    """The promise for other numbers of models tried, the same losses seen."""
    most = max(certificate.tried, min(_MOST_TRIED, int(certificate.delta / SMALLEST_LEVEL / 2)))
    tried = np.unique(np.append(np.geomspace(1, most, 13).round(), certificate.tried).clip(max=most))
    if certificate.losses is None or certificate.headline == HEADLINE_ZERO_ONE:
        upper = bounds.clopper_pearson(certificate.errors or 0, certificate.n, tried, certificate.delta)
    else:
        upper = certificate.loss_bound * np.array([_betting(certificate, m) for m in tried])
    whole = tried.astype(int) if tried.max() < 2**63 else tried
    return pd.DataFrame({"tried": whole, "upper": upper, "here": tried == certificate.tried})


def by_size(certificate: Certificate) -> pd.DataFrame:
    """The promise for other sizes: for 0-1 loss at the error rate seen, else from the first part of the losses."""
    here = certificate.n
    if certificate.losses is None or certificate.headline == HEADLINE_ZERO_ONE:
        n = np.unique(np.append(np.geomspace(max(1, here // 100), 100 * here, 17).round(), here))
        errors = np.ceil(certificate.empirical_risk * n - 1e-9)
        upper = bounds.clopper_pearson(errors, n, certificate.tried, certificate.delta)
    else:
        n = np.unique(np.geomspace(max(1, here // 100), here, 9).round())
        upper = certificate.loss_bound * np.array([_betting(certificate, certificate.tried, int(k)) for k in n])
    return pd.DataFrame({"n": n.astype(int), "upper": upper, "here": n == here})


def _betting(certificate: Certificate, tried: float, size: int | None = None) -> float:
    losses = certificate.losses if certificate.losses is not None else np.empty(0)
    return float(bounds.betting(losses[:size], tried, certificate.delta))


def tighter(certificate: Certificate) -> list[str]:
    """What would make the promise smaller, in numbers where the certificate has them."""
    listed = []
    if certificate.headline == HEADLINE_ZERO_ONE:
        k, n, tried, delta = certificate.errors or 0, certificate.n, certificate.tried, certificate.delta
        four = float(bounds.clopper_pearson(4 * k, 4 * n, tried, delta))
        listed.append(f"Four times as many examples at the same error rate: at most {rate(four, True, up=True)}.")
        if tried > 1:
            fresh = float(bounds.clopper_pearson(k, n, 1, delta))
            listed.append(
                f"One model, chosen elsewhere, on {n:,} fresh examples with as many errors: "
                f"at most {rate(fresh, True, up=True)}."
            )
    elif certificate.tried > 1:
        one = certificate.loss_bound * _betting(certificate, 1)
        listed.append(
            f"One model, chosen elsewhere, with the same losses: at most {rate(one, certificate.zero_one, up=True)}."
        )
    listed.append(
        f"Nothing measured on these {unit_word(certificate.unit)}s can bring it below the risk seen, "
        f"{rate(certificate.empirical_risk, certificate.zero_one)}; only a better model can."
    )
    return listed

"""Two layers fit any labels.

Theorem 1 of Zhang et al. 2017 as a scikit-learn estimator.
"""

import numpy as np

from gengap.interpolate import ReLUInterpolator

rng = np.random.default_rng(0)
x, y = rng.normal(size=(1000, 8)), rng.normal(size=1000)
model = ReLUInterpolator().fit(x, y)
print(f"largest error on 1000 random labels: {np.abs(model.predict(x) - y).max():.0e}")

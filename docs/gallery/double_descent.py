"""Double descent of least squares.

The test error of random features peaks where there are as many features as examples.
"""

import numpy as np

import gengap
from gengap.interpolate import RandomFourierFeatures

digits = gengap.load("digits").take(100, 500)
x, x_test = (split.x.reshape(len(split), -1) / 255 for split in (digits.train, digits.test))
for n_features in (20, 60, 100, 400, 2000):
    features = RandomFourierFeatures("gaussian", n_features=n_features, random_state=0).fit(x)
    weights = np.linalg.lstsq(features.transform(x), np.eye(10)[digits.train.y], rcond=None)[0]
    predicted = (features.transform(x_test) @ weights).argmax(1)
    print(f"{n_features:5} features: test error {np.mean(predicted != digits.test.y):.1%}")

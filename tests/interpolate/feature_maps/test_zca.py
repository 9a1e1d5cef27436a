"""ZCA whitening."""

import numpy as np

from gengap.interpolate.feature_maps import ZCAWhitening

RNG = np.random.default_rng(0)


def test_zca_whitens_and_stays_near():
    x = RNG.standard_normal((200, 5)) @ RNG.standard_normal((5, 5)) + 3
    made = ZCAWhitening(epsilon=1e-9).fit(x)
    white = made.transform(x)
    np.testing.assert_allclose(white.T @ white / 200, np.eye(5), atol=1e-6)
    np.testing.assert_allclose(made.whitening_, made.whitening_.T)
    turn = np.linalg.qr(RNG.standard_normal((5, 5)))[0]
    centred = x - x.mean(axis=0)
    assert ((white - centred) ** 2).sum() < ((white @ turn - centred) ** 2).sum()  # no other whitening is nearer
    np.testing.assert_allclose(
        made.transform((x + 1).astype(np.float32)), (white + made.whitening_.sum(axis=0)), rtol=1e-3, atol=1e-3
    )


def test_a_large_epsilon_only_centres():
    x = RNG.standard_normal((50, 4))
    np.testing.assert_allclose(ZCAWhitening(1e8).fit_transform(x) * 1e4, x - x.mean(axis=0), atol=1e-6)

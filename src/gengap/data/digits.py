"""The embedded data set: scikit-learn's 8 x 8 handwritten digits, which need no download."""

from pathlib import Path

import numpy as np

from gengap.data.split import Split

N_TEST = 500
SPLIT_SEED = 0


def read_digits(folder: Path | None = None) -> tuple[Split, Split]:
    """1,297 training and 500 test digits, uint8 ``[N, 1, 8, 8]``; the split is stratified and always the same.

    The 17 grey levels 0..16 are stored times 15, as 0, 15, …, 240, so that they span a byte as other images do.

    Args:
        folder: Not used; other readers find their files there.
    """
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    images, labels = load_digits(return_X_y=True)
    x = (images * 15).astype(np.uint8).reshape(-1, 1, 8, 8)
    x_train, x_test, y_train, y_test = train_test_split(
        x, labels.astype(np.int64), test_size=N_TEST, random_state=SPLIT_SEED, stratify=labels
    )
    return Split(x_train, y_train), Split(x_test, y_test)

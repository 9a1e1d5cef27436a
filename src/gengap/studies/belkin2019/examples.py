"""The examples of all of the paper's studies."""

from gengap.studies.study import Scale


class Examples:
    """The first examples of MNIST, at smoke scale of the embedded digits, with pixels in [0, 1], float64.

    Attributes:
        x, x_test: Flat images, ``[n, d]`` and ``[m, d]``.
        y, y_test: Labels as indicator vectors, ``[n, C]`` and ``[m, C]``.
        labels, labels_test: Class indices.
    """

    def __init__(self, scale: Scale, sizes: tuple[int, int | None], noise: float, seed: int):
        """Takes so many training and test examples; each training label is redrawn with probability ``noise``."""
        import numpy as np

        from gengap.data import load
        from gengap.data.preprocessing import preprocess

        problem = load("digits" if scale == "smoke" else "mnist", scale="unit").take(*sizes)
        if noise:
            problem = problem.corrupt("labels", level=noise, seed=seed)
        self.x, self.x_test = (
            preprocess(split.x, problem.preprocessing).reshape(len(split), -1).astype(np.float64)
            for split in (problem.train, problem.test)
        )
        self.labels, self.labels_test = problem.train.y, problem.test.y
        codes = np.eye(problem.n_classes)
        self.y, self.y_test = codes[self.labels], codes[self.labels_test]

"""A home of its own, which all smoke runs share, and one thread."""

import os
from collections.abc import Iterator

import pytest


@pytest.fixture(scope="module")
def small_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GENGAP_HOME", str(tmp_path_factory.mktemp("home")))
        patch.setattr(os, "sched_getaffinity", lambda _: {0}, raising=False)
        yield

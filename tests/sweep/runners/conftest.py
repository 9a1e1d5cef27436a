"""A Ray cluster, shared by the tests of a process: one node, two CPUs and, by its word, a GPU."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

HERE = str(Path(__file__).parent)


@pytest.fixture(autouse=True)
def _importable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(HERE)


@pytest.fixture(scope="session")
def cluster() -> Iterator[object]:
    """Its address stands in RAY_ADDRESS meanwhile; without Ray, tests fail where the environment requires it."""
    if os.environ.get("GENGAP_RAY") != "required":
        pytest.importorskip("ray", reason='Ray is not installed: pip install "gengap[ray]"')
    import ray
    from ray.cluster_utils import Cluster

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_worker_niceness", "0")
        patch.setenv("RAY_AUTH_MODE", "disabled")
        patch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
        node = {"num_cpus": 2, "num_gpus": 1, "object_store_memory": 80 << 20, "include_dashboard": False}
        small = Cluster(initialize_head=True, head_node_args=node)
        patch.setenv("RAY_ADDRESS", small.address)
        try:
            yield small
        finally:
            ray.shutdown()
            small.shutdown()

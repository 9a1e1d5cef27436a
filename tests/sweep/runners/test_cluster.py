"""What is refused before anything is computed; a stand-in for Ray has the nodes that a test needs."""

import socket
import sys
from types import SimpleNamespace

import pytest

from gengap import __version__
from gengap.errors import InputError
from gengap.sweep import Share
from gengap.sweep.runners import cluster


def ray_with(*nodes: dict[str, float], alive: bool = True) -> SimpleNamespace:
    found = [
        {"NodeID": f"{i:056x}", "NodeManagerHostname": f"node{i}", "Alive": alive, "Resources": has}
        for i, has in enumerate(nodes)
    ]
    return SimpleNamespace(nodes=lambda: found, __version__="2.60.0")


@pytest.mark.parametrize(
    ("share", "expected"),
    [
        (Share(1), 8 + 3),
        (Share(2), 4 + 1),
        (Share(4), 2),
        (Share(1, 1.0), 2),
        (Share(1, 0.5), 4),
        (Share(1, 0.4), 4),  # two on each GPU, a fifth of it idle
        (Share(1, 0.1), 8),  # no CPU is left for more
        (Share(1, 2.0), 1),
    ],
)
def test_how_many_units_run_at_once(share: Share, expected: int) -> None:
    ray = ray_with({"CPU": 8.0, "GPU": 2.0}, {"CPU": 3.0}, {"object_store_memory": 1e9})
    assert cluster.room(ray, share) == expected


def test_nodes_that_are_gone_do_not_count() -> None:
    assert cluster.nodes(ray_with({"CPU": 8.0}, alive=False)) == []


@pytest.mark.parametrize("share", [Share(5), Share(1, 1.0), Share(2, 0.5)])
def test_a_share_that_fits_on_no_node_is_refused(share: Share) -> None:
    nodes = cluster.nodes(ray_with({"CPU": 4.0}, {"CPU": 1.0, "GPU": 0.5}))
    with pytest.raises(InputError, match=f"asks for {share.cpus} CPUs and {share.gpus:g} GPUs") as caught:
        cluster._check_room(nodes, share)
    assert "node0 4 CPUs, 0 GPUs; node1 1 CPUs, 0.5 GPUs" in caught.value.what


def test_data_larger_than_an_object_store_are_refused_with_both_sizes() -> None:
    ray = ray_with({"object_store_memory": 2e9}, {"object_store_memory": 1e9})
    cluster.check_store(ray, "The data", 10**9)
    with pytest.raises(InputError, match=r"The data takes 1,000,000,001 bytes; .* node1 holds 1,000,000,000") as caught:
        cluster.check_store(ray, "The data", 10**9 + 1)
    assert "--object-store-memory=1250000001" in caught.value.next_step


def test_a_cluster_that_is_not_there_is_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("ray", reason="Ray is not installed")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # it does not listen
        for address in (f"127.0.0.1:{taken.getsockname()[1]}", f"ray://127.0.0.1:{taken.getsockname()[1]}"):
            monkeypatch.setenv("RAY_ADDRESS", address)
            with pytest.raises(InputError, match=f"No Ray cluster answers at RAY_ADDRESS {address}"):
                cluster._connect(None)


def test_without_ray_the_message_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(InputError, match="needs Ray") as caught:
        cluster.connected(Share())
    assert 'pip install "gengap[ray]"' in caught.value.next_step


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (
            RuntimeError("Version mismatch: The cluster was started with:\n    Ray: 2.9.0\n    Python: 3.10.1\n"),
            ["another version", "Ray: 2.9.0", "Ray 2.60.0"],
        ),
        (ValueError("Ray Client requires pip package `ray[client]`."), ["client", "gengap\\[ray\\]"]),
        (RuntimeError("Token authentication is enabled but no token was found"), ["refuses", "RAY_AUTH_MODE=token"]),
        (SystemExit(15), ["it does not answer", "ray start --head"]),
        (ConnectionError("Could not find any running Ray instance."), ["Could not find", "ray start --head"]),
        (
            RuntimeError('from server:\nTraceback (most recent call last):\n  File "a.py"\nOSError: full\n'),
            ["at RAY_ADDRESS here:1: OSError: full.\n"],
        ),
    ],
)
def test_what_ray_refuses_is_said_in_one_message(error: BaseException, words: list[str]) -> None:
    refused = cluster._refused(ray_with(), "here:1", error)
    for word in words:
        with pytest.raises(InputError, match=word):
            raise refused


@pytest.mark.parametrize(
    ("has", "words"),
    [
        ({"error": "ModuleNotFoundError: No module named 'gengap'"}, "cannot import gengap: ModuleNotFoundError"),
        ({"gengap": "0.0.1", "torch": "2.13.0"}, f"has gengap 0.0.1, this machine {__version__}"),
        ({"gengap": __version__, "torch": "1.0.0+cu118"}, r"has torch 1\.0\.0\+cu118"),
    ],
)
def test_a_node_with_other_packages_is_refused(has: dict[str, str], words: str) -> None:
    with pytest.raises(InputError, match=f"Node north of the Ray cluster {words}"):
        cluster._check_node("north", has)


def test_builds_of_torch_for_cpu_and_cuda_may_be_mixed() -> None:
    import torch

    cluster._check_node("north", {"gengap": __version__, "torch": torch.__version__.partition("+")[0] + "+cu999"})


def test_the_probe_runs_where_gengap_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert cluster._probe()()["gengap"] == __version__
    monkeypatch.setitem(sys.modules, "gengap", None)
    assert cluster._probe()()["error"].startswith("ModuleNotFoundError: import of gengap halted")


@pytest.mark.parametrize(
    "bad", [{"cpus": 0}, {"cpus": 1.5}, {"gpus": -0.1}, {"gpus": 1.5}, {"gpus": float("nan")}, {"at_once": 0}]
)
def test_shares_out_of_range_are_refused(bad: dict) -> None:
    with pytest.raises(InputError, match=r"for each cell|at once"):
        Share(**bad)

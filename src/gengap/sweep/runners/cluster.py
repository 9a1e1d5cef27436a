"""A connection to a Ray cluster, and what is checked before anything is computed there."""

import importlib.metadata
import os
import platform
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any, NamedTuple

from gengap import __version__
from gengap.errors import InputError
from gengap.sweep.runners.share import Share

_ANSWER_S = 5.0  # for a port of the address to take a connection
_PROBE_S = 300.0  # for every node to start a process and say which packages it has
_START = "start one with `ray start --head`, and set RAY_ADDRESS to its address; without RAY_ADDRESS Ray starts its own"


class Node(NamedTuple):
    """A node that is alive, with what it has in all, whether or not it is in use."""

    id: str
    name: str
    cpus: float
    gpus: float
    object_store_bytes: int


def connected(share: Share) -> ModuleType:
    """The package ``ray``, connected to a cluster on which units of this share can run.

    A connection that the program has already is used. Otherwise the cluster is that of ``RAY_ADDRESS`` (``HOST:PORT``
    on one of its nodes, ``ray://HOST:10001`` from elsewhere), or else one that ``ray start`` has started on this
    machine; where there is none, one is started, and ended with this process.

    Raises:
        InputError: Ray is not installed; no cluster answers, or one of another version; a node lacks gengap, or has
            another version of it or of PyTorch; no node has what a unit takes.
    """
    ray = _package()
    if not ray.is_initialized():
        _connect(ray)
    _check_room(nodes(ray), share)
    _check_packages(ray)
    return ray


def check_reachable() -> None:
    """What takes no connection to see, so that it is said before data are prepared.

    Raises:
        InputError: Ray is not installed, or nothing listens at ``RAY_ADDRESS``.
    """
    _package()
    _check_answer(_address())


def _address() -> str:
    return os.environ.get("RAY_ADDRESS") or ""


def nodes(ray: ModuleType) -> list[Node]:
    """The nodes that are alive."""
    found = []
    for node in ray.nodes():
        has = node["Resources"]
        if node["Alive"]:
            name = node.get("NodeManagerHostname") or node["NodeID"][:8]
            store = int(has.get("object_store_memory", 0))
            found.append(Node(node["NodeID"], name, has.get("CPU", 0.0), has.get("GPU", 0.0), store))
    return found


def room(ray: ModuleType, share: Share) -> int:
    """How many units of this share run at the same time where nothing else does."""
    count = 0
    for node in nodes(ray):
        fits = node.cpus // share.cpus
        count += int(min(fits, _gpu_room(node.gpus, share.gpus)) if share.gpus else fits)
    return count


def _gpu_room(gpus: float, share: float) -> int:
    return int(gpus // share) if share >= 1 else int(gpus) * int(1 / share + 1e-9)  # a unit's part is of one GPU


def check_store(ray: ModuleType, what: str, size: int) -> None:
    """Refuses data that the object store of a node cannot hold.

    Raises:
        InputError: With both sizes in bytes.
    """
    smallest = min(nodes(ray), key=lambda node: node.object_store_bytes)
    if size > smallest.object_store_bytes:
        raise InputError(
            f"{what} takes {size:,} bytes; the object store of node {smallest.name} holds "
            f"{smallest.object_store_bytes:,}.",
            expected="an object store with room for the data on each node",
            next_step=f"start Ray with --object-store-memory={size * 5 // 4} or more on each node",
        )


def _package() -> ModuleType:
    try:
        import ray
    except ImportError as error:
        raise InputError(
            f"--runner ray needs Ray, which cannot be imported ({error}).",
            next_step='pip install "gengap[ray]"',
        ) from error
    module: ModuleType = ray
    return module


def _connect(ray: ModuleType) -> None:
    address = _address()
    _check_answer(address)
    # Parts of Ray beside the computation are left out, and what workers print stays in Ray's logs: standard output is
    # the answer's.
    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR"}
    with _signals_left_alone():
        try:
            ray.init(**quiet, **({} if address else {"include_dashboard": False}))
        except (Exception, SystemExit) as error:  # SystemExit is how Ray gives up on a head that does not answer
            raise _refused(ray, address, error) from error


def _check_answer(address: str) -> None:
    """Ray tries for two minutes to reach a head that is not there; a port that takes no connection says so at once."""
    host, colon, port = address.removeprefix("ray://").rpartition(":")
    if not colon or not port.isdecimal():
        return
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=_ANSWER_S).close()
    except (OSError, OverflowError) as error:
        raise InputError(
            f"No Ray cluster answers at RAY_ADDRESS {address}: {error}.",
            expected="HOST:PORT of the head where this machine is a node, else ray://HOST:10001",
            next_step=_START,
        ) from error


def _refused(ray: ModuleType, address: str, error: BaseException) -> InputError:
    """What Ray's refusal is for people."""
    where = f"RAY_ADDRESS {address}" if address else "this machine"
    text = _words(error)
    if "ersion mismatch" in text or "was started with" in text:
        return InputError(
            f"The Ray cluster at {where} runs another version than this process, which has Ray {ray.__version__} and "
            f"Python {platform.python_version()}. {text}",
            expected="the same versions of Ray and Python on every node",
            next_step=f'pip install "ray=={ray.__version__}" there, or the version of the cluster here',
        )
    if "ray[client]" in text:
        return InputError(
            f"RAY_ADDRESS {address} needs Ray's client, which is not installed.", next_step='pip install "gengap[ray]"'
        )
    if "token" in text.lower() or "uthentic" in text:
        return InputError(
            f"The Ray cluster at {where} refuses this process: {text}",
            expected="the token of the cluster",
            next_step="set RAY_AUTH_MODE=token and copy ~/.ray/auth_token from the head",
        )
    reason = "it does not answer" if isinstance(error, SystemExit) else text
    return InputError(f"No Ray cluster can be used at {where}: {reason}.", next_step=_START)


def _check_room(found: list[Node], share: Share) -> None:
    if not any(node.cpus >= share.cpus and node.gpus >= share.gpus for node in found):
        has = "; ".join(f"{node.name} {node.cpus:g} CPUs, {node.gpus:g} GPUs" for node in found)
        raise InputError(
            f"A cell asks for {share.cpus} CPUs and {share.gpus:g} GPUs, which no node of the Ray cluster has ({has}).",
            expected="a share that fits on one node",
            next_step="ask for less with --cpus-per-cell and --gpus-per-cell, or add a node",
        )


def _check_packages(ray: ModuleType) -> None:
    """Asks each node that can compute which packages it has."""
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    task = ray.remote(_probe())
    asked = {}
    for node in nodes(ray):
        if node.cpus and node.id not in _CHECKED:
            strategy = NodeAffinitySchedulingStrategy(node.id, soft=False)
            asked[task.options(num_cpus=0, scheduling_strategy=strategy, max_retries=0).remote()] = node
    _, silent = ray.wait(list(asked), num_returns=len(asked), timeout=_PROBE_S) if asked else ([], [])
    for reference, node in asked.items():
        if reference in silent:
            raise InputError(f"Node {node.name} of the Ray cluster has not begun a task after {_PROBE_S:g} s.")
        try:
            has = ray.get(reference)
        except ray.exceptions.RayError as error:
            raise InputError(f"Node {node.name} of the Ray cluster runs no task: {_words(error)}.") from error
        _check_node(node.name, has)
        _CHECKED.add(node.id)


_CHECKED: set[str] = set()


def _probe() -> Callable[[], dict[str, str]]:
    """A function that Ray sends with its code, so that it also runs where gengap is not installed."""

    def versions() -> dict[str, str]:
        import importlib.metadata

        try:
            import gengap
            import gengap.sweep.runners.node
        except Exception as error:
            return {"error": f"{type(error).__name__}: {error}"}
        return {"gengap": gengap.__version__, "torch": importlib.metadata.version("torch")}

    return versions


def _check_node(name: str, has: dict[str, str]) -> None:
    if "error" in has:
        raise InputError(
            f"Node {name} of the Ray cluster cannot import gengap: {has['error']}.",
            expected="gengap installed on every node",
            next_step=f"install gengap {__version__} with its extra `ray` there, as here",
        )
    here = {"gengap": __version__, "torch": importlib.metadata.version("torch")}
    for package, version in here.items():
        if has[package].partition("+")[0] != version.partition("+")[0]:  # builds for CPU and for CUDA may be mixed
            raise InputError(
                f"Node {name} of the Ray cluster has {package} {has[package]}, this machine {version}.",
                expected="the same version on every node, since stored rows name one",
                next_step=f"install {package} {version.partition('+')[0]} there",
            )


def _words(error: BaseException) -> str:
    """What an error says, in one line; of a traceback in it only the end."""
    text = str(error)
    if "Traceback (most recent call last)" in text:
        text = text.strip().splitlines()[-1]
    return " ".join(text.split()).rstrip(".") or type(error).__name__


@contextmanager
def _signals_left_alone() -> Iterator[None]:
    """Whatever handles SIGTERM before handles it afterwards; Ray sets a handler of its own."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)

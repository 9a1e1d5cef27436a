"""Units as tasks of a Ray cluster: data travel through its object store, the driver alone writes rows.

Ray decides where a unit runs; how it runs there is in ``gengap.sweep.runners.node``. Only a window of all units is with
Ray at any time, so its memory does not depend on the size of the sweep.
"""

import time
import uuid
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gengap.errors import InputError
from gengap.sweep import failures
from gengap.sweep.failures import Cause
from gengap.sweep.jobs import Unit, Work
from gengap.sweep.progress import Board
from gengap.sweep.queue import POLL_S, Queue
from gengap.sweep.runners.attempt import Checkpoints, Outcome, Outcomes
from gengap.sweep.runners.cluster import check_store, connected, nodes, room
from gengap.sweep.runners.node import Reference, remove_copies, run_unit
from gengap.sweep.runners.parcel import Parcel, packed
from gengap.sweep.runners.share import Share
from gengap.sweep.runners.surroundings import Surroundings

ATTEMPTS = 4  # at a unit whose node or Ray worker is lost, which is not the unit's fault
_WINDOW = 2  # units with Ray for each that runs, so that none waits for the driver
_ROOM_EVERY_S = 10.0  # how often the cluster is asked whether nodes have come or gone
_LOOK_EVERY_S = 1.0
_TIDY_S = 10.0
_STORED = 16  # data sets that stay in the object store for the next unit


class Sent(NamedTuple):
    """A unit that Ray has.

    Attributes:
        unit: The unit.
        parcel: Its work and payloads.
        data: References to what its paths stand for; the object store holds them as long as these live.
        attempt: Counts from 1.
    """

    unit: Unit
    parcel: Parcel
    data: list[Reference]
    attempt: int = 1


def on_ray(
    queue: Queue,
    work: Work,
    checkpoints: Checkpoints,
    board: Board,
    *,
    share: Share,
    timeout_s: float | None,
    folder: Path | None = None,
) -> Outcomes:
    """Runs units on a Ray cluster and yields them with their outcomes.

    A unit whose node or Ray worker is lost is sent again, ``ATTEMPTS`` times in all; every other accident costs its
    row, as on one machine. When the generator is closed, what still runs is stopped.

    Args:
        queue: The units.
        work: A function that every node can import.
        checkpoints: A unit's checkpoint file, used by nodes that see its folder.
        board: Shows progress.
        share: What each unit takes.
        timeout_s: For one unit, from its start on the node.
        folder: Whatever payloads name in it travels through the object store.

    Raises:
        InputError: See ``gengap.sweep.runners.cluster.connected``; or the data do not fit into the object store.
    """
    ray = connected(share)
    task = _task(ray, share)
    driver = Surroundings.of_this_process().for_another_machine()
    window = Window(ray, share)
    sent: dict[Any, Sent] = {}

    def send(what: Sent) -> None:
        unit, parcel = what.unit, what.parcel
        named = task.options(name=unit[0].title[:200])
        sent[named.remote(parcel.content, what.data, checkpoints(unit), share, timeout_s, driver)] = what

    with _object_store(ray) as store:
        try:
            while sent or queue.is_open:
                while len(sent) < window.size() and (unit := queue.take()) is not None:
                    board.started(unit, bar=False)
                    try:
                        parcel = packed(work, [job.payload for job in unit], folder)
                    except Exception as error:
                        yield unit, failures.of_exception(error)
                        continue
                    send(Sent(unit, parcel, [store.reference(path) for path in parcel.paths]))
                if not sent:
                    time.sleep(POLL_S)
                    continue
                for reference in _ended(ray, sent):
                    what = sent.pop(reference)
                    outcome = _outcome(ray, reference, what.attempt)
                    if outcome is None:
                        send(what._replace(attempt=what.attempt + 1))
                    else:
                        yield what.unit, outcome
        finally:
            for reference in sent:
                with suppress(Exception):  # it has ended meanwhile, or the cluster has
                    ray.cancel(reference, force=True)


def _ended(ray: ModuleType, sent: Mapping[Any, Sent]) -> list[Any]:
    """Tasks that have ended, waited for, but not for long: other processes' units may have become free meanwhile."""
    ended: list[Any] = ray.wait(list(sent), timeout=_LOOK_EVERY_S)[0]
    return ended


def one_on_ray(parcel: Parcel, share: Share, timeout_s: float | None) -> Outcome:
    """The outcome of one unit that names no files and needs no checkpoint, waited for."""
    ray = connected(share)
    task, driver = _task(ray, share), Surroundings.of_this_process().for_another_machine()
    outcome, attempt = None, 0
    while outcome is None:
        attempt += 1
        reference = task.remote(parcel.content, [], None, share, timeout_s, driver)
        outcome = _outcome(ray, reference, attempt)
    return outcome


def _task(ray: ModuleType, share: Share) -> Any:
    """``run_unit`` as Ray runs it; what is lost is sent again by the driver, which counts how often."""
    return ray.remote(num_cpus=share.cpus, num_gpus=share.gpus, max_retries=0)(run_unit)


def _outcome(ray: ModuleType, reference: Any, attempt: int) -> Outcome | None:
    """What came of a task; None where the unit is to be sent again."""
    errors = ray.exceptions
    try:
        outcome: Outcome = ray.get(reference)
    except errors.OutOfMemoryError as error:  # the node's memory runs out, and Ray ends what takes most
        return Cause("out-of-memory", _one_line(error))
    except (errors.WorkerCrashedError, errors.NodeDiedError, errors.ObjectLostError) as error:
        if attempt < ATTEMPTS:
            return None
        return Cause("failed", f"its node or Ray worker was lost {attempt} times: {_one_line(error)}")
    except errors.RayTaskError as error:
        if isinstance(error.cause, InputError):
            raise error.cause from None
        return failures.of_exception(error.cause)
    except errors.RayError as error:
        return Cause("failed", f"Ray: {_one_line(error)}")
    return outcome


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())[:500]


class Window:
    """How many units Ray has at a time: twice those that run at once, whatever the size of the sweep."""

    def __init__(self, ray: ModuleType, share: Share):
        self._ray, self._share = ray, share
        self._room, self._asked = 0, -_ROOM_EVERY_S

    def size(self) -> int:
        """By the nodes that are there now."""
        if self._share.at_once is not None:
            return self._share.at_once
        if time.monotonic() - self._asked >= _ROOM_EVERY_S:
            self._room, self._asked = room(self._ray, self._share), time.monotonic()
        return _WINDOW * max(1, self._room)


class ObjectStore:
    """Puts files into the object store, each once; the last ``_STORED`` of them stay there for the next units."""

    def __init__(self, ray: ModuleType):
        self._ray = ray
        self._sweep = uuid.uuid4().hex[:12]
        self._stored: OrderedDict[Path, Reference] = OrderedDict()
        self.names: list[str] = []

    def reference(self, path: Path) -> Reference:
        """The reference to a file or to a folder with all that it holds.

        Raises:
            InputError: It does not fit.
        """
        if path in self._stored:
            self._stored.move_to_end(path)
            return self._stored[path]
        files = files_of(path)
        check_store(self._ray, f"What cells read from {path}", sum(content.nbytes for content in files.values()))
        name = f"{self._sweep}-{len(self.names)}"
        self.names.append(name)
        self._stored[path] = Reference(name, [self._ray.put(files)])
        if len(self._stored) > _STORED:
            self._stored.popitem(last=False)
        return self._stored[path]


def files_of(path: Path) -> Mapping[str, NDArray[np.uint8]]:
    """Relative path -> content of a file or of all files of a folder, mapped rather than read."""
    if path.is_file():
        return {"": _mapped(path)}
    return {str(file.relative_to(path)): _mapped(file) for file in sorted(path.rglob("*")) if _is_content(file)}


def _is_content(file: Path) -> bool:
    return file.is_file() and not file.name.startswith(".")  # the lock of a scratch folder is none


def _mapped(file: Path) -> NDArray[np.uint8]:
    if file.stat().st_size == 0:  # cannot be mapped
        return np.empty(0, np.uint8)
    return np.asarray(np.memmap(file, np.uint8, mode="r"))  # a plain array: Ray copies it once, into its store


@contextmanager
def _object_store(ray: ModuleType) -> Iterator[ObjectStore]:
    """Removes the copies on the nodes at the end; those of a killed driver are removed by the next sweep there."""
    store = ObjectStore(ray)
    try:
        yield store
    finally:
        if store.names:
            with suppress(Exception):
                _tidy(ray, store.names)


def _tidy(ray: ModuleType, names: list[str]) -> None:
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    task = ray.remote(remove_copies)
    each = [NodeAffinitySchedulingStrategy(node.id, soft=False) for node in nodes(ray) if node.cpus]
    begun = [task.options(num_cpus=0, scheduling_strategy=strategy).remote(names) for strategy in each]
    ray.wait(begun, num_returns=len(begun), timeout=_TIDY_S)

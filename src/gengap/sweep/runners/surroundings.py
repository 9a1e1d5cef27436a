"""Where a process runs: its working folder, import path and environment, which the processes it starts take over."""

import os
import sys
from contextlib import suppress
from typing import NamedTuple


class Surroundings(NamedTuple):
    """Those of the process that runs a sweep, for the processes that run its units.

    Attributes:
        folder: Its working folder; empty if it was removed.
        path: Where it imports from.
        variables: Its environment variables.
    """

    folder: str
    path: list[str]
    variables: dict[str, str]

    @classmethod
    def of_this_process(cls) -> "Surroundings":
        """As they are now."""
        try:
            folder = os.getcwd()
        except FileNotFoundError:  # it was removed
            folder = ""
        return cls(folder, list(sys.path), dict(os.environ))

    def for_another_machine(self) -> "Surroundings":
        """Of the variables only those that concern gengap: the others describe this machine."""
        return self._replace(variables={k: v for k, v in self.variables.items() if k.startswith("GENGAP_")})

    def with_one_gpu(self, gpu: str) -> "Surroundings":
        """CUDA shows a process that has these, and has not used it yet, this device alone; empty: as it is here."""
        return self._replace(variables={**self.variables, "CUDA_VISIBLE_DEVICES": gpu}) if gpu else self

    def take_over(self) -> None:
        """Makes them those of this process, which runs on the same machine."""
        self._enter_folder()
        sys.path[:] = self.path
        if dict(os.environ) != self.variables:
            os.environ.clear()
            os.environ.update(self.variables)

    def follow(self) -> None:
        """Adds to those of this process, which may run on another machine, what exists here; its own come first."""
        self._enter_folder()
        sys.path += [entry for entry in self.path if entry not in sys.path and os.path.exists(entry)]
        for name, value in self.variables.items():
            os.environ.setdefault(name, value)

    def _enter_folder(self) -> None:
        with suppress(OSError):
            os.chdir(self.folder)

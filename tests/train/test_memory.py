"""What a step frees serves the next one."""

import platform
import subprocess
import sys

import pytest

# Page faults of ten rounds of what a step does to memory: several large tensors, alive together, then freed.
FAULTS = """
import resource, sys
import torch
from gengap.train.memory import keep_freed_memory

def steps(count):
    for _ in range(count):
        tensors = [torch.ones(4_000_000) for _ in range(4)]
        del tensors

if sys.argv[1] == "keep":
    keep_freed_memory()
steps(3)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
steps(10)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(mode: str) -> int:
    return int(subprocess.check_output([sys.executable, "-c", FAULTS, mode], text=True))


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc's memory is tuned")
def test_memory_freed_by_one_step_is_there_for_the_next() -> None:
    # Four tensors of 16 MB are 15,625 pages of 4 kB, or 31 of 2 MB, in each step.
    assert faults("keep") < 100 < faults("leave")

"""What this machine is, for records of where a number was made."""

import os
import platform


def cpu_name() -> str:
    """The processor's model, as the system names it; its architecture where it has no name."""
    if os.path.exists("/proc/cpuinfo"):
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            for line in file:
                if line.startswith("model name"):
                    return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()

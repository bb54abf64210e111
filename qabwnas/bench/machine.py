"""The machine, package versions and commit, which measured times depend on."""

from __future__ import annotations

import os
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from qabwnas.version import __version__

PACKAGES = ("numpy", "numba", "moocore", "ortools", "paretoset", "pulp", "pyarrow", "pymoo", "scipy")


def describe_machine() -> dict[str, object]:
    """Return JSON values: processor, cores, load, Python, versions of installed packages, and the commit if known."""
    versions = {"qabwnas": __version__}
    for package in PACKAGES:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            continue
    return {
        "machine": platform.machine(),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "load": os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
        "python": platform.python_version(),
        "packages": versions,
        "commit": _commit(),
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:  # not Linux
        return platform.processor()
    return next((text.partition(":")[2].strip() for text in lines if text.startswith("model name")), "")


def _commit() -> str | None:
    """Return the commit of the checkout with this file, or ``None`` if it is not in a checkout."""
    here = Path(__file__).resolve()
    command = ["git", "log", "-1", "--format=%H", "--", here.name]
    try:
        tracked = subprocess.run(command, cwd=here.parent, capture_output=True, text=True, check=True).stdout
        if not tracked:
            return None
        head = subprocess.run(
            ["git", "rev-parse", "HEAD"], cwd=here.parent, capture_output=True, text=True, check=True
        ).stdout
    except (OSError, subprocess.CalledProcessError):
        return None
    return head.strip()

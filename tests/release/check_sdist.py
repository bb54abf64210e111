"""Build, install and test the sdist on every Python that this machine has: ``make sdist-check``.

Each Python gets a fresh virtual environment with the dependencies from the package index. The core must build, and the
tests in ``TESTS`` of the sdist run against what was installed. Tried are the Pythons of the classifiers in
pyproject.toml and those of ``NEXT``; ``python -m tests.release.check_sdist SDIST VERSION ...`` tries others. A Python
that is not found is named at the end: it was not tried. Exit code 1: some Python failed, or none was found.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import tomllib
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TESTS = ("tests/search/test_against_oracle.py", "tests/search/test_search.py", "tests/lut/hdf5", "tests/io")
NEXT = ("3.14",)
"""Not tried yet: a version moves to the classifiers when it has passed. The dependencies have wheels for it."""
TEST_PACKAGES = ("pytest", "hypothesis", "pyarrow")


def supported() -> list[str]:
    """Return the versions of the classifiers, such as ``3.11``."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    found = (re.fullmatch(r"Programming Language :: Python :: (3\.\d+)", each) for each in project["classifiers"])
    return [match[1] for match in found if match]


def interpreters(version: str) -> Iterator[Path]:
    """Yield possible interpreters of a version: on the PATH, then those that pyenv has installed."""
    if (on_path := shutil.which(f"python{version}")) is not None:
        yield Path(on_path)
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    yield from sorted(pyenv.glob(f"versions/{version}.*/bin/python{version}"))


def interpreter(version: str) -> Path | None:
    """Return an interpreter of a version that runs, or ``None``; a shim of pyenv may exist and not run."""
    for path in interpreters(version):
        if subprocess.run([path, "-c", ""], capture_output=True, check=False).returncode == 0:
            return path
    return None


def check(python: Path, sdist: Path, folder: Path) -> None:
    """Install and test the sdist in a new environment in ``folder``; raises CalledProcessError if a step fails."""
    subprocess.run([python, "-m", "venv", folder / "venv"], check=True)
    installed = folder / "venv" / "bin" / "python"
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    environment |= {"QABWNAS_BUILD": "require", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    install = [installed, "-m", "pip", "install", "-q", "--no-cache-dir", sdist, *TEST_PACKAGES]
    subprocess.run(install, check=True, env=environment)
    with tarfile.open(sdist) as archive:
        archive.extractall(folder, filter="data")
    [source] = folder.glob("qabwnas-*")
    shutil.rmtree(source / "qabwnas")  # so that the installed package is tested
    subprocess.run([installed, "-m", "qabwnas", "backends"], check=True, env=environment, cwd=source)
    subprocess.run([installed, "-m", "pytest", "-x", "-q", *TESTS], check=True, env=environment, cwd=source)


def main(sdist: Path, versions: list[str]) -> int:
    """Check the sdist on these versions of Python; return the exit code."""
    found = {version: python for version in versions if (python := interpreter(version)) is not None}
    results = {}
    for version, python in found.items():
        print(f"== Python {version}: {python}", flush=True)
        with tempfile.TemporaryDirectory() as folder:
            try:
                check(python, sdist, Path(folder))
                results[version] = "passed"
            except subprocess.CalledProcessError as error:
                results[version] = f"failed: {' '.join(map(str, error.cmd))}"
    for version in versions:
        print(f"Python {version}: {results.get(version, 'not tried: no interpreter found')}")
    return 0 if results and set(results.values()) == {"passed"} else 1


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]).resolve(), sys.argv[2:] or [*supported(), *NEXT]))

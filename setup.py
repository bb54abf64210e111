"""Build the compiled search core, and state version and description; everything else is in pyproject.toml.

``QABWNAS_BUILD`` chooses what happens to the extension:

- ``auto`` (default): build it. Where that fails, warn and go on without it: searches then use Numba. pip shows this
  warning with ``-v`` only, so the first search says it again (:mod:`qabwnas.search.engine.backend`).
- ``require``: build it or fail.
- ``skip``: do not build it.

``QABWNAS_JOBS`` limits how many files are compiled at once; the default is one per core.
"""

from __future__ import annotations

import os
import re
import sys
from glob import glob
from pathlib import Path, PurePath
from runpy import run_path

from pybind11.setup_helpers import ParallelCompile, Pybind11Extension, build_ext
from setuptools import setup
from setuptools.errors import BaseError, CCompilerError, CompileError, LinkError

FOLDERS = ("core", "pareto", "front", "solve", "query", "numeric", "baselines", "bindings")
MODES = ("auto", "require", "skip")
REPOSITORY = "https://github.com/qabwnas/qabwnas"
VERSION: str = run_path("qabwnas/version.py")["__version__"]
mode = os.environ.get("QABWNAS_BUILD", "auto")
if mode not in MODES:
    sys.exit(f"QABWNAS_BUILD={mode!r} is not one of {', '.join(MODES)}")


class BuildCore(build_ext):
    """Build the extension, or in mode ``auto`` go on without it."""

    def run(self) -> None:
        try:
            super().run()
        except (BaseError, CCompilerError, CompileError, LinkError) as error:
            if mode == "require":
                raise
            # What was copied or listed must not be looked for by later steps of an editable install.
            self.extensions: list[Pybind11Extension] = []
            print(
                f"warning: qabwnas: the compiled search core was not built ({error}); "
                "searches will use the slower Numba backend",
                file=sys.stderr,
            )


# No product and sum fused where there is FMA: a search does the same work on any machine.
FLAGS = ["-O3", "-Wall", "-Wextra", "-pthread", "-ffp-contract=off"]

core = Pybind11Extension(
    "qabwnas._core",
    sources=sorted(path for folder in FOLDERS for path in glob(f"csrc/{folder}/*.cpp")),
    depends=sorted(path for folder in FOLDERS for path in glob(f"csrc/{folder}/*.hpp")),
    include_dirs=["csrc"],
    cxx_std=20,
    extra_compile_args=FLAGS if os.name == "posix" else [],
    extra_link_args=["-pthread"] if os.name == "posix" else [],
)


def long_description() -> str:
    """Return the README with absolute links to this version, because package indexes show it without the other files.

    Targets are found in Markdown and in HTML attributes.
    """

    def absolute(link: re.Match[str]) -> str:
        before, target = link.groups()
        view = "raw" if PurePath(target).suffix in (".png", ".svg", ".gif") else "blob"
        return f"{before}{REPOSITORY}/{view}/v{VERSION}/{target}"

    relative = r"""(\]\(|(?:src|href)=")(?![a-z]+:|#)([^)"\s]+)"""
    return re.sub(relative, absolute, Path("README.md").read_text(encoding="utf-8"))


ParallelCompile("QABWNAS_JOBS").install()
setup(
    version=VERSION,
    long_description=long_description(),
    long_description_content_type="text/markdown",
    ext_modules=[] if mode == "skip" else [core],
    cmdclass={"build_ext": BuildCore},
)

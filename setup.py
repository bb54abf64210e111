"""Build the compiled search core; everything else is declared in pyproject.toml.

``QABWNAS_BUILD`` chooses what happens to the extension:

- ``auto`` (default): build it; where that fails, install without it and say so once (Numba then serves).
- ``require``: build it or fail.
- ``skip``: do not build it.
"""

from __future__ import annotations

import os
import sys
from glob import glob

from pybind11.setup_helpers import Pybind11Extension, build_ext
from setuptools import setup
from setuptools.errors import BaseError, CCompilerError, CompileError, LinkError

FOLDERS = ("core", "pareto", "front", "solve", "query", "numeric", "baselines", "bindings")
MODES = ("auto", "require", "skip")
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

setup(ext_modules=[] if mode == "skip" else [core], cmdclass={"build_ext": BuildCore})

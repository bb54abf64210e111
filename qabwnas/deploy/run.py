"""Check that this machine can measure the bundle, then measure it: see runner.py, which lies beside this file.

    python run.py --device NAME -o RESULTS.json

This file is written in words that Python 2.7 reads too, so that every older Python says in one line what is missing.
"""

import os
import re
import sys

PYTHON = (3, 6)
ONNX_RUNTIME = (1, 7)
NEEDS = "needs Python %d.%d or newer, with onnxruntime %d.%d or newer and numpy" % (PYTHON + ONNX_RUNTIME)


def main():
    # type: () -> None
    """Measure, or end with one line that says what is missing, and exit code 1."""
    python = "this is Python %d.%d.%d" % sys.version_info[:3]
    if sys.version_info[:2] < PYTHON:
        sys.exit("error: run.py %s; %s" % (NEEDS, python))
    try:
        import numpy  # noqa: F401
        import onnxruntime
    except ImportError as error:
        sys.exit("error: run.py %s; %s: %s" % (NEEDS, python, error))
    version = str(getattr(onnxruntime, "__version__", ""))
    found = re.match(r"(\d+)\.(\d+)", version)
    if found is None or tuple(map(int, found.groups())) < ONNX_RUNTIME:
        sys.exit("error: run.py %s; this is onnxruntime %s" % (NEEDS, version or "of an unknown version"))
    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
    import runner  # type: ignore[import-not-found]

    runner.main()


if __name__ == "__main__":
    main()

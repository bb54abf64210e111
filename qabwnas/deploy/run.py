"""Check that this machine can measure the bundle, then measure it with runner.py, which is in the same folder.

    python run.py --device NAME -o RESULTS.json

Python 2.7 can read this file too, so that every older Python prints one line that tells what is missing.
"""

import os
import re
import sys

PYTHON = (3, 6)
ONNX_RUNTIME = (1, 7)
NEEDS = "needs Python %d.%d or newer, with onnxruntime %d.%d or newer and numpy" % (PYTHON + ONNX_RUNTIME)


def main():
    # type: () -> None
    """Measure, or end with exit code 1 and one line that tells what is missing."""
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

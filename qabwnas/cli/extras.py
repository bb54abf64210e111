"""Packages that only some commands need, and that only some installations have."""

from __future__ import annotations

from importlib.util import find_spec

from qabwnas.errors import InputError

PACKAGES = {
    "train": ("torch", "sklearn", "PIL", "pydantic"),
    "plot": ("matplotlib",),
    "ray": ("ray",),
    "logs": ("tensorboard",),
    "deploy": ("onnx", "onnxruntime", "safetensors"),
}


def require_extras(*extras: str) -> None:
    """Check that the packages of optional extras are installed; loads none of them.

    Raises:
        InputError: some are not; the message says how to install them.
    """
    missing = [package for extra in extras for package in PACKAGES[extra] if find_spec(package) is None]
    if missing:
        raise InputError(f"needs {', '.join(missing)}: pip install 'qabwnas[{','.join(extras)}]'")

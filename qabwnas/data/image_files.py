"""Read images from files, with one clear line for every file that is gone or damaged."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from qabwnas.errors import FormatError, InputError


def read_rgb(path: Path) -> Image.Image:
    """Return a whole image in RGB.

    Raises:
        InputError: there is no such file.
        FormatError: it is no image, or a truncated one.
    """
    return _load(path).convert("RGB")


def read_label_ids(path: Path, largest: int) -> Image.Image:
    """Return an image of 8-bit label ids ``0 … largest``, of mode ``L``.

    Raises:
        InputError: there is no such file.
        FormatError: it is no image, a truncated one, one of other pixels, or holds a larger id.
    """
    image = _load(path)
    if image.mode != "L":
        raise FormatError(f"{path}: label ids are 8-bit grey values, not of mode {image.mode}")
    found = max(label for label, count in enumerate(image.histogram()) if count)
    if found > largest:
        raise FormatError(f"{path}: holds label id {found}; the largest there is is {largest}")
    return image


def _load(path: Path) -> Image.Image:
    try:
        with Image.open(path) as image:
            image.load()
            return image
    except FileNotFoundError as error:
        raise InputError(f"{path}: there is no such file") from error
    except (OSError, SyntaxError, ValueError) as error:
        raise FormatError(f"{path}: cannot be read as an image: {_reason(error, path)}") from error


def _reason(error: Exception, path: Path) -> str:
    if path.is_file() and path.stat().st_size == 0:
        return "it is empty"
    if "cannot identify" in str(error):
        return "it is none"
    return str(error)

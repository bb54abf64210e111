"""Read images from files. A file that is missing, damaged or ambiguous gives an error of one line.

Every format that Pillow opens is read: the first frame, turned by its EXIF orientation, in colours without
transparency.
Grey values of more than 8 bits are scaled by the range of their type and keep their precision: 65535 becomes 255.0.
"""

from __future__ import annotations

import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.TiffImagePlugin import BITSPERSAMPLE, PHOTOMETRIC_INTERPRETATION, SAMPLEFORMAT

from qabwnas.errors import FormatError, InputError

LARGEST_PIXELS = 2**30
"""The largest number of pixels of an image: 4 GiB in memory. A larger size counts as damaged."""

UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""EXIF orientation → the operation that turns the image upright."""

_DEEP_FORMATS = ("PNG", "TIFF", "PPM", "JPEG2000")  # for other formats Pillow does not tell the range of 16 bits
_MIN_IS_WHITE, _SIGNED = 0, 2  # values of PhotometricInterpretation and of SampleFormat

# What Pillow's readers raise on damaged files.
_READING_ERRORS = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    TypeError,
    AttributeError,
    LookupError,
    ArithmeticError,
    RuntimeError,
    MemoryError,
    struct.error,
    zlib.error,
)


@cache
def image_endings() -> frozenset[str]:
    """Return the endings of the formats that Pillow reads, such as ``.png``, in lower case."""
    Image.init()
    registered = Image.registered_extensions()
    return frozenset(ending for ending, name in registered.items() if name == "MPO" or _is_read(name))


def _is_read(name: str) -> bool:
    """Return whether Pillow reads a format; some it only writes, and of some it only knows the name."""
    if name not in Image.OPEN:
        return False
    reader = Image.OPEN[name][0]
    return not (isinstance(reader, type) and issubclass(reader, ImageFile.StubImageFile))


def read_image(path: Path) -> Image.Image:
    """Return the first frame of an image, upright.

    Its mode is ``RGB``, or ``F`` with values 0 … 255 if the file has grey values of more than 8 bits. Transparency is
    dropped, as in torchvision's ``ImageFolder``. Colour profiles are not applied. Of 16-bit colours the higher 8 bits
    are taken. Values of float images must lie in 0 … 1.

    Raises:
        InputError: the file does not exist.
        FormatError: it is not an image, it is truncated or too large, or its values have no known range.
    """
    with _opened(path) as image:
        image.load()
        upright = UPRIGHT.get(_orientation(image))
    image = _in_colours(image, path)
    return image if upright is None else image.transpose(upright)


def read_rgb(path: Path) -> Image.Image:
    """Return an image like :func:`read_image`, always of mode ``RGB``: deeper grey values are rounded to 8 bits."""
    image = read_image(path)
    if image.mode == "F":
        image = Image.fromarray(np.rint(np.asarray(image)).astype(np.uint8)).convert("RGB")
    return image


def read_label_ids(path: Path, largest: int) -> Image.Image:
    """Return an image of label ids ``0 … largest``, of mode ``L``: the values of an 8-bit PNG, grey or with a palette.

    The stored values are taken: palettes and EXIF orientations are ignored.

    Raises:
        InputError: the file does not exist.
        FormatError: it is not an image, it is truncated, its pixels are of another type, or it has a larger id.
    """
    with _opened(path) as image:
        if not isinstance(image, PngImageFile):
            raise FormatError(f"{path}: label ids are stored as PNG, not as {image.format}")
        n_bits = {"L;2": 2, "L;4": 4}.get(image.tile[0][3]) if image.tile else None
        image.load()
    if n_bits:
        raise FormatError(f"{path}: label ids are 8-bit grey values, not of {n_bits} bits")
    if image.mode not in ("L", "P"):
        raise FormatError(f"{path}: label ids are 8-bit grey values, not of mode {image.mode}")
    label_ids = np.array(image)
    found = int(label_ids.max())
    if found > largest:
        raise FormatError(f"{path}: has label id {found}; the largest possible one is {largest}")
    return Image.fromarray(label_ids)


@contextmanager
def _opened(path: Path) -> Iterator[Image.Image]:
    """Open an image; every error in the block becomes an error that names the file."""
    try:
        with _any_size(), Image.open(path) as image:
            if image.width * image.height > LARGEST_PIXELS:
                raise FormatError(
                    f"{path}: is {image.width}×{image.height} pixels large; at most {LARGEST_PIXELS} pixels are read"
                )
            yield image
    except FileNotFoundError as error:
        raise InputError(f"{path}: there is no such file") from error
    except _READING_ERRORS as error:
        raise FormatError(f"{path}: cannot be read as an image: {_reason(error, path)}") from error


@contextmanager
def _any_size() -> Iterator[None]:
    """Let Pillow open images of any size: they are the user's own files, not attacks."""
    before = Image.MAX_IMAGE_PIXELS
    Image.MAX_IMAGE_PIXELS = None
    try:
        yield
    finally:
        Image.MAX_IMAGE_PIXELS = before


def _reason(error: Exception, path: Path) -> str:
    if path.is_dir():
        return "it is a folder"
    if path.is_file() and path.stat().st_size == 0:
        return "it is empty"
    if isinstance(error, MemoryError):
        return "there is not enough memory"
    if "cannot identify" in str(error):
        return "Pillow does not know its format"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return " ".join(str(error).split()) or type(error).__name__


def _orientation(image: Image.Image) -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return image.getexif().get(ExifTags.Base.Orientation)
    except _READING_ERRORS:
        return None  # damaged EXIF data are ignored: they say nothing about the pixels


def _in_colours(image: Image.Image, path: Path) -> Image.Image:
    """Return an image in mode ``RGB`` or ``F``."""
    if image.mode.startswith("I") or image.mode == "F":
        return Image.fromarray(_grey_values(image, path))
    if _tiff_tag(image, SAMPLEFORMAT) == _SIGNED:
        raise FormatError(f"{path}: holds signed values, which have no known range; store unsigned ones")
    if image.mode == "La":
        image = image.convert("LA")
    elif image.mode in ("RGBa", "P", "PA"):
        image = image.convert("RGBA")
    return image.convert("RGB")


def _grey_values(image: Image.Image, path: Path) -> NDArray[np.float32]:
    """Return grey values of more than 8 bits as float32 0 … 255, ``(height, width)``."""
    if image.format not in _DEEP_FORMATS or (image.mode == "I" and image.format != "PPM"):
        raise FormatError(
            f"{path}: has grey values of mode {image.mode} ({image.format}), which have no known range; "
            "store 8 or 16 bits as PNG or TIFF"
        )
    values = np.asarray(image).astype(np.float64)
    if image.mode == "F":
        if not (values.min() >= 0 and values.max() <= 1):  # written so that NaN is refused
            raise FormatError(f"{path}: has float values of {values.min():g} … {values.max():g}, not in 0 … 1")
        shares = values
    else:
        n_bits = _tiff_tag(image, BITSPERSAMPLE) or 16
        shares = values / (2**n_bits - 1)
    if _tiff_tag(image, PHOTOMETRIC_INTERPRETATION) == _MIN_IS_WHITE:
        shares = 1 - shares  # Pillow inverts 8 bits only
    return (shares * 255).astype(np.float32)


def _tiff_tag(image: Image.Image, tag: int) -> int | None:
    """Return the value of a TIFF tag (the first one if it has one per channel), or ``None`` if it is absent."""
    tags = getattr(image, "tag_v2", None)
    value = None if tags is None else tags.get(tag)
    return value[0] if isinstance(value, tuple) else value

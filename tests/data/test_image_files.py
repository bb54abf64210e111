"""Images of every mode against arithmetic of our own, and files that are refused in one line."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from qabwnas.data import image_files
from qabwnas.data.image_files import image_endings, read_image, read_label_ids, read_rgb
from qabwnas.errors import FormatError, InputError

HEIGHT, WIDTH = 6, 8
RNG = np.random.default_rng(0)
DEEP = np.linspace(0, 65535, HEIGHT * WIDTH).round().astype(np.uint16).reshape(HEIGHT, WIDTH)
COLOURS = RNG.integers(0, 256, (HEIGHT, WIDTH, 3)).astype(np.uint8)
ALPHA = RNG.integers(1, 256, (HEIGHT, WIDTH)).astype(np.uint8)
SHARES = (DEEP / 65535).astype(np.float32)
PALETTE = Image.fromarray(COLOURS).quantize(16)
INKS = RNG.integers(0, 256, (HEIGHT, WIDTH, 4)).astype(np.uint8)


def values(path: Path) -> np.ndarray:
    """Return what is read as float64 ``(height, width, 3)``."""
    image = read_image(path)
    assert image.mode in ("RGB", "F")
    pixels = np.asarray(image).astype(np.float64)
    return pixels if pixels.ndim == 3 else pixels[:, :, None].repeat(3, axis=2)


def grey(pixels: np.ndarray) -> np.ndarray:
    return np.asarray(pixels, dtype=np.float64)[:, :, None].repeat(3, axis=2)


def tiff(
    path: Path,
    pixels: bytes,
    *,
    bits: int,
    channels: int = 1,
    photometric: int = 1,
    sample: int = 1,
    extra: int | None = None,
) -> None:
    """Write a TIFF, uncompressed and little-endian; ``sample`` is its format, ``extra`` what a second channel is."""
    entries = [(256, 4, WIDTH), (257, 4, HEIGHT), (258, 3, bits | bits << 16 if channels == 2 else bits), (259, 3, 1)]
    entries += [(262, 3, photometric), (273, 4, 0), (277, 3, channels), (278, 4, HEIGHT), (279, 4, len(pixels))]
    entries += [(338, 3, extra)] if extra is not None else []
    entries += [(339, 3, sample)] if channels == 1 else []
    start = 8 + 2 + 12 * len(entries) + 4
    directory = b"".join(
        struct.pack("<HHII", tag, kind, channels if tag == 258 else 1, start if tag == 273 else value)
        for tag, kind, value in entries
    )
    path.write_bytes(b"II*\0" + struct.pack("<IH", 8, len(entries)) + directory + bytes(4) + pixels)


def png(path: Path, pixels: bytes, *, bits: int, colour: int, size: tuple[int, int] = (WIDTH, HEIGHT)) -> None:
    """Write a PNG; ``colour`` is 0 for grey, 2 for colours; ``pixels`` have a zero in front of every row."""
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", *size, bits, colour, 0, 0, 0)), (b"IDAT", zlib.compress(pixels))]
    chunks.append((b"IEND", b""))
    packed = (struct.pack(">I", len(b)) + t + b + struct.pack(">I", zlib.crc32(t + b)) for t, b in chunks)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(packed))


def saved(pixels: np.ndarray | Image.Image, mode: str | None = None, **options: Any) -> Callable[[Path], None]:
    def save(path: Path) -> None:
        image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
        (image.convert(mode) if mode else image).save(path, **options)

    return save


def twelve_bits(path: Path) -> None:
    bits = "".join(f"{value:012b}" for value in (DEEP >> 4).ravel())
    tiff(path, bytes(int(bits[place : place + 8], 2) for place in range(0, len(bits), 8)), bits=12)


def ten_bits(path: Path) -> None:
    path.write_bytes(f"P5 {WIDTH} {HEIGHT} 1023\n".encode() + (DEEP >> 6).astype(">u2").tobytes())


def deep_colours(path: Path) -> None:
    rows = (COLOURS.astype(">u2") * 257).tobytes()
    png(path, b"".join(b"\0" + rows[n : n + 6 * WIDTH] for n in range(0, len(rows), 6 * WIDTH)), bits=16, colour=2)


GREY_ALPHA = np.dstack([(COLOURS[..., 0] * (ALPHA / 255)).astype(np.uint8), ALPHA])

# A file name, how it is written, what has to be read, and how much may differ.
READ: list[tuple[str, Callable[[Path], None], np.ndarray, float]] = [
    ("deep.png", saved(DEEP), grey(DEEP / 257), 1e-4),
    ("deep.tif", saved(DEEP), grey(DEEP / 257), 1e-4),
    ("packed.tiff", saved(DEEP, compression="tiff_lzw"), grey(DEEP / 257), 1e-4),
    ("big-endian.tif", saved(DEEP.astype(">u2")), grey(DEEP / 257), 1e-4),
    ("deep.jp2", saved(DEEP), grey(DEEP / 257), 1e-4),
    ("deep.pgm", saved(DEEP.astype(np.int32)), grey(DEEP / 257), 1e-4),
    ("twelve.tif", twelve_bits, grey((DEEP >> 4) / 4095 * 255), 1e-4),
    ("ten.pgm", ten_bits, grey((DEEP >> 6) / 1023 * 255), 0.01),
    ("negative.tif", lambda path: tiff(path, DEEP.tobytes(), bits=16, photometric=0), grey(255 - DEEP / 257), 1e-4),
    ("float.tif", saved(SHARES), grey(DEEP / 257), 1e-4),
    ("float.pfm", saved(SHARES), grey(DEEP / 257), 1e-4),
    (
        "negative-float.tif",
        lambda path: tiff(path, SHARES.tobytes(), bits=32, photometric=0, sample=3),
        grey(255 - DEEP / 257),
        1e-4,
    ),
    ("deep-colours.png", deep_colours, COLOURS, 0),
    ("two.png", saved(COLOURS[..., 0] > 127), grey((COLOURS[..., 0] > 127) * 255), 0),
    ("grey.png", saved(COLOURS[..., 0]), grey(COLOURS[..., 0]), 0),
    ("alpha.png", saved(np.dstack([COLOURS, ALPHA])), COLOURS, 0),
    ("grey-alpha.png", saved(GREY_ALPHA), grey(GREY_ALPHA[..., 0]), 0),
    (
        "multiplied.tif",
        lambda path: tiff(path, GREY_ALPHA.tobytes(), bits=8, channels=2, extra=1),
        grey(np.minimum(GREY_ALPHA[..., 0] * 255.0 / ALPHA, 255)),
        1.01,
    ),
    ("palette.png", saved(PALETTE), np.asarray(PALETTE.convert("RGB")), 0),
    ("palette.gif", saved(PALETTE), np.asarray(PALETTE.convert("RGB")), 0),
    ("see-through.png", saved(PALETTE, transparency=bytes(range(16))), np.asarray(PALETTE.convert("RGB")), 0),
    ("colours.bmp", saved(COLOURS), COLOURS, 0),
    ("colours.webp", saved(COLOURS, lossless=True), COLOURS, 0),
    ("colours.tga", saved(COLOURS), COLOURS, 0),
    ("inks.tif", saved(Image.fromarray(INKS, "CMYK")), (255.0 - INKS[..., :3]) * (255.0 - INKS[..., 3:]) / 255, 1),
    ("lightness.tif", saved(Image.new("LAB", (WIDTH, HEIGHT), (255, 128, 128))), np.full_like(COLOURS, 255), 1),
    ("luma.tif", saved(COLOURS, "YCbCr"), COLOURS, 3),
    (
        "first.gif",
        saved(PALETTE, save_all=True, append_images=[PALETTE.rotate(180)]),
        np.asarray(PALETTE.convert("RGB")),
        0,
    ),
    (
        "first.tif",
        saved(COLOURS, save_all=True, append_images=[Image.fromarray(255 - COLOURS)]),
        COLOURS,
        0,
    ),
]


@pytest.mark.parametrize(("name", "write", "expected", "tolerance"), READ, ids=[name for name, *_ in READ])
def test_every_mode_is_read_right(
    tmp_path: Path, name: str, write: Callable[[Path], None], expected: np.ndarray, tolerance: float
) -> None:
    write(tmp_path / name)
    found = values(tmp_path / name)
    assert found.shape == expected.shape
    assert np.abs(found - expected).max() <= tolerance
    eight_bits = np.asarray(read_rgb(tmp_path / name)).astype(np.float64)
    assert np.abs(eight_bits - expected).max() <= tolerance + 0.5


@pytest.mark.parametrize(
    ("orientation", "upright"),
    [
        (1, COLOURS),
        (2, COLOURS[:, ::-1]),
        (3, COLOURS[::-1, ::-1]),
        (4, COLOURS[::-1]),
        (5, COLOURS.swapaxes(0, 1)),
        (6, np.rot90(COLOURS, -1)),
        (7, COLOURS[::-1, ::-1].swapaxes(0, 1)),
        (8, np.rot90(COLOURS)),
    ],
)
@pytest.mark.parametrize("name", ["turned.png", "turned.tif"])
def test_photographs_are_turned_upright(tmp_path: Path, name: str, orientation: int, upright: np.ndarray) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(COLOURS).save(tmp_path / name, exif=exif)
    assert np.array_equal(values(tmp_path / name), upright)


def test_damaged_exif_data_say_nothing(tmp_path: Path) -> None:
    Image.fromarray(COLOURS).save(tmp_path / "a.png", exif=b"Exif\0\0MM\0*\0\0\0\x08\xff\xff")
    assert np.array_equal(values(tmp_path / "a.png"), COLOURS)


def truncated(ending: str, **options: Any) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        noise = Image.fromarray(RNG.integers(0, 256, (64, 64, 3)).astype(np.uint8))
        noise.save(path, ending, **options)
        path.write_bytes(path.read_bytes()[:-3000])

    return write


@pytest.mark.parametrize(
    ("name", "write", "message"),
    [
        ("a.png", lambda path: path.write_bytes(b""), "cannot be read as an image: it is empty"),
        ("a.png", lambda path: path.write_bytes(b"words"), "cannot be read as an image: Pillow does not know"),
        ("a.png", Path.mkdir, "cannot be read as an image: it is a folder"),
        ("a.png", truncated("PNG"), "cannot be read as an image: "),
        ("a.jpg", truncated("JPEG", quality=95), "cannot be read as an image: "),
        ("a.webp", truncated("WEBP", lossless=True), "cannot be read as an image: "),
        ("a.bmp", truncated("BMP"), "cannot be read as an image: "),
        ("a.avif", truncated("AVIF", quality=100), "cannot be read as an image: "),
        ("a.tif", saved(DEEP.astype(np.int32)), "has grey values of mode I (TIFF), which have no known range"),
        ("a.im", saved(SHARES), "has grey values of mode F (IM), which have no known range"),
        ("a.tif", saved(SHARES * 300), "has float values of 0 … 300, not in 0 … 1"),
        ("a.tif", saved(SHARES * np.nan), "has float values of nan … nan, not in 0 … 1"),
        ("a.tif", lambda path: tiff(path, bytes(48), bits=8, sample=2), "holds signed values"),
        (
            "a.png",
            lambda path: png(path, b"", bits=8, colour=2, size=(2**30, 2)),
            "is 1073741824×2 pixels large; at most 1073741824 pixels are read",
        ),
    ],
)
@pytest.mark.filterwarnings("ignore:IM image format is deprecated")
def test_what_cannot_be_read_right_is_refused(
    tmp_path: Path, name: str, write: Callable[[Path], None], message: str
) -> None:
    write(tmp_path / name)
    with pytest.raises(FormatError) as caught:
        read_image(tmp_path / name)
    assert str(caught.value).startswith(f"{tmp_path / name}: {message}")
    assert "\n" not in str(caught.value)


def test_a_file_that_is_gone_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="a.png: there is no such file"):
        read_image(tmp_path / "a.png")


def test_large_images_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pillow would warn of an attack above its limit, and refuse twice as much."""
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
    Image.fromarray(COLOURS).save(tmp_path / "a.png")
    assert np.array_equal(values(tmp_path / "a.png"), COLOURS)
    assert Image.MAX_IMAGE_PIXELS == 10
    monkeypatch.setattr(image_files, "LARGEST_PIXELS", WIDTH * HEIGHT - 1)
    with pytest.raises(FormatError, match="a.png: is 8×6 pixels large; at most 47 pixels are read"):
        read_image(tmp_path / "a.png")


def test_label_ids_are_taken_as_they_are_stored(tmp_path: Path) -> None:
    label_ids = RNG.integers(0, 34, (HEIGHT, WIDTH)).astype(np.uint8)
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(label_ids).save(tmp_path / "grey.png", exif=exif)
    coloured = Image.fromarray(label_ids)
    coloured.putpalette(RNG.integers(0, 256, 768).tolist())
    coloured.save(tmp_path / "palette.png")
    few = Image.fromarray(label_ids % 16)
    few.putpalette(RNG.integers(0, 256, 48).tolist())
    few.save(tmp_path / "few.png", bits=4)
    for name, expected in (("grey.png", label_ids), ("palette.png", label_ids), ("few.png", label_ids % 16)):
        read = read_label_ids(tmp_path / name, 33)
        assert read.mode == "L"
        assert np.array_equal(np.asarray(read), expected)


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (lambda path: png(path, (b"\0" + bytes(4)) * HEIGHT, bits=4, colour=0), "8-bit grey values, not of 4 bits"),
        (saved(COLOURS[..., 0] > 9), "label ids are 8-bit grey values, not of mode 1"),
        (saved(COLOURS), "label ids are 8-bit grey values, not of mode RGB"),
        (saved(DEEP), "label ids are 8-bit grey values, not of mode I;16"),
        (saved(COLOURS[..., 0], format="JPEG"), "label ids are stored as PNG, not as JPEG"),
    ],
)
def test_other_label_images_are_refused(tmp_path: Path, write: Callable[[Path], None], message: str) -> None:
    write(tmp_path / "a.png")
    with pytest.raises(FormatError, match=f"a.png: .*{message}"):
        read_label_ids(tmp_path / "a.png", 33)


def test_endings_are_those_that_pillow_reads() -> None:
    assert {
        ".png",
        ".apng",
        ".jpg",
        ".jpeg",
        ".jfif",
        ".mpo",
        ".tif",
        ".tiff",
        ".webp",
        ".bmp",
        ".gif",
    } <= image_endings()
    assert not image_endings() & {".pdf", ".h5", ".hdf", ".txt", ""}

"""The kinds of files that commands write, and the suffixes that their names may have."""

from __future__ import annotations

import os
from dataclasses import dataclass

from qabwnas.errors import InputError


@dataclass(frozen=True)
class FileKind:
    """A kind of file.

    Attributes:
        name: its name in messages, with article.
        suffixes: the suffixes that its name may have, in lower case.
        contents: what :func:`qabwnas.cli.output.content_of` returns for such a file; no other file is overwritten.
        by_suffix: whether the suffix chooses one of several formats.
    """

    name: str
    suffixes: tuple[str, ...]
    contents: frozenset[str]
    by_suffix: bool = False


_HDF5 = (".h5", ".hdf5", ".hdf")
LUT = FileKind("a LUT", _HDF5, frozenset({"a LUT", "a damaged HDF5 file"}))
FRONT = FileKind("a front", _HDF5, frozenset({"a front", "a damaged HDF5 file"}))
CSV = FileKind("CSV", (".csv",), frozenset({"text"}))
CSV_TABLE = FileKind("a table", (".csv", ".csv.gz"), frozenset({"text", "a gzip file"}), by_suffix=True)
PARQUET = FileKind("Parquet", (".parquet",), frozenset({"a Parquet file"}))
TABLE = FileKind(
    "a table", (".csv", ".csv.gz", ".parquet"), frozenset({"text", "a gzip file", "a Parquet file"}), by_suffix=True
)
BATCH = FileKind("a table", (".csv", ".parquet"), frozenset({"text", "a Parquet file"}), by_suffix=True)
PICTURE = FileKind(
    "a figure",
    (".html", ".png", ".svg", ".pdf"),
    frozenset({"an HTML page", "a PNG picture", "an SVG picture", "a PDF file"}),
    by_suffix=True,
)
REPORT = FileKind("a report", (".html",), frozenset({"an HTML page"}))
YAML = FileKind("YAML", (".yaml", ".yml"), frozenset({"text"}))
TIMINGS = FileKind("JSON", (".json",), frozenset({"JSON"}))
LATENCIES = FileKind("JSON", (".json",), frozenset({"JSON of the format qabwnas-latency"}))
BLOCK_WEIGHTS = FileKind("JSON", (".json",), frozenset({"JSON of the format qabwnas-block-weights"}))

# Suffixes of known kinds of files; a file of another kind must not get one of them.
_KNOWN = {suffix for kind in (LUT, TABLE, PICTURE, TIMINGS) for suffix in kind.suffixes} | {
    ".gz", ".zip", ".tar", ".yaml", ".yml", ".toml", ".xls", ".xlsx", ".ods", ".tsv", ".md", ".py", ".sh",
    ".pt", ".pth", ".ckpt", ".pkl", ".onnx", ".tflite", ".safetensors", ".npy", ".npz", ".jpg", ".jpeg", ".gif", ".bmp",
}  # fmt: skip


def is_named_as(path: str | os.PathLike[str], kind: FileKind) -> bool:
    """Return whether a file's name has one of the suffixes of a kind; case does not matter."""
    return os.fspath(path).lower().endswith(kind.suffixes)


def check_suffix(path: str | os.PathLike[str], kind: FileKind) -> None:
    """Check that a file's name does not have the suffix of another kind; case does not matter.

    If the suffix chooses the format, it must be one of ``kind.suffixes``. Otherwise a name may also have no suffix, or
    an unknown one.

    Raises:
        InputError: it has another suffix; the message lists the right ones.
    """
    if is_named_as(path, kind):
        return
    name = os.path.basename(os.fspath(path)).lower()
    known = [suffix for suffix in _KNOWN if name.endswith(suffix)]
    if kind.by_suffix or known:
        *others, last = kind.suffixes
        suffixes = f"{', '.join(others)} or {last}" if others else last
        raise InputError(f"{path}: {kind.name} is written: the name should end in {suffixes}")

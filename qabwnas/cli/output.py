"""Checks of output files, before any work is done.

Nothing is overwritten without ``--force``. With it, only a file of the same kind is overwritten, and never an input.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path

import click

from qabwnas.errors import FormatError, InputError
from qabwnas.io.atomic import written_path
from qabwnas.io.file_kinds import FileKind, check_suffix

force_option = click.option("--force", is_flag=True, help="Overwrite an existing file of the same kind.")

_SIGNATURES = {
    b"PAR1": "a Parquet file",
    b"\x1f\x8b": "a gzip file",
    b"PK\x03\x04": "a ZIP archive",
    b"\x89PNG\r\n\x1a\n": "a PNG picture",
    b"%PDF": "a PDF file",
}
_HDF5 = b"\x89HDF\r\n\x1a\n"
_HDF5_FORMATS = {"qabwnas-lut": "a LUT", "qabwnas-front": "a front"}
_CONTROLS = frozenset(range(32)) - frozenset(b"\t\n\v\f\r\x1b")  # texts have none, except in UTF-16
_LARGEST_JSON = 1 << 26
_LOOKED_AT = 1 << 12


def check_output(
    path: Path, force: bool, kind: FileKind, *, inputs: Iterable[Path] = (), outputs: Iterable[Path] = ()
) -> None:
    """Check that a file of that kind can be written at ``path``.

    Args:
        inputs: files that the command reads and must not replace. An input of the same kind may be left out: replacing
            it is safe, because the new file appears when it is complete.
        outputs: other files that the command writes.

    Raises:
        InputError: the name ends like another kind of file; the path is a folder, or its folder does not exist; it is
            an input or another output; or a file exists, and ``force`` is not set or the file is of another kind.
        OSError: it is a device or write-protected, or symbolic links form a circle.
    """
    if path.is_dir():
        raise InputError(f"{path}: is a folder")
    if path == Path("-"):
        raise InputError("-: cannot write to standard output: give the name of a file")
    written = written_path(path)
    check_suffix(path, kind)
    if not written.parent.is_dir():
        raise InputError(f"{path}: there is no folder {written.parent}")
    for other in outputs:
        if os.path.realpath(other) == os.path.realpath(path):
            raise InputError(f"{path}: would be written twice")
    for other in inputs:
        if path.exists() and other.exists() and path.samefile(other):
            raise InputError(f"{path}: is an input of this command, and is not overwritten")
    if not path.exists():
        return
    if not force:
        raise InputError(f"{path}: is already there; --force overwrites it")
    content = content_of(path)
    if content is not None and content not in kind.contents:
        raise InputError(f"{path}: is {content}, but this command writes {kind.name}: it is not overwritten")


def content_of(path: Path) -> str | None:
    """Return the kind of a file by its content, in words; ``None`` for an empty file."""
    with path.open("rb") as stream:
        start = stream.read(_LOOKED_AT)
    if not start:
        return None
    if start.startswith(_HDF5):
        return _hdf5_content(path)
    for signature, name in _SIGNATURES.items():
        if start.startswith(signature):
            return name
    if not _CONTROLS.isdisjoint(start):
        return "a binary file"
    begin = start.removeprefix(b"\xef\xbb\xbf").lstrip()
    if begin.startswith((b"{", b"[")):
        return _json_content(path)
    if begin.startswith((b"<?xml", b"<svg")):
        return "an SVG picture" if b"<svg" in start else "an XML file"
    if begin[:14].lower().startswith((b"<!doctype html", b"<html")):
        return "an HTML page"
    return "text"


def _hdf5_content(path: Path) -> str:
    from qabwnas.io.hdf5_read import read_format

    try:
        found = read_format(path)
    except FormatError:
        return "a damaged HDF5 file"
    return "an HDF5 file by others" if found is None else _HDF5_FORMATS.get(found, "an HDF5 file by others")


def _json_content(path: Path) -> str:
    if path.stat().st_size > _LARGEST_JSON:
        return "JSON"
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except (ValueError, RecursionError):
        return "text"
    named = content.get("format") if isinstance(content, dict) else None
    return f"JSON of the format {named}" if isinstance(named, str) else "JSON"

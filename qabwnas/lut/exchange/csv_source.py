"""Open a CSV file of any program: its compression, its encoding, the comments above its header, and its delimiter."""

from __future__ import annotations

import bz2
import codecs
import csv
import gzip
import io
import lzma
import os
import re
import zlib
from collections.abc import Callable, Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Any

from qabwnas.errors import FormatError, InputError
from qabwnas.io.numeric import shown
from qabwnas.lut.exchange.format import BLOCK, CANDIDATE, METADATA_KEY, NO_METADATA, TableMetadata, parse_metadata
from qabwnas.lut.exchange.layout import TableLayout
from qabwnas.lut.exchange.option_names import OptionNames
from qabwnas.lut.exchange.text_table import Record, TextTable, check_names

CsvSource = str | os.PathLike[str] | IO[str] | IO[bytes]
"""A path, or an open file of text or bytes."""

DELIMITERS = {",": ",", ";": ";", "\t": "tab", "|": "|"}
"""The delimiters that are guessed, and how the option names them."""

_FIXED = TableLayout(options=OptionNames.without_text())  # of formats whose text needs no options
_RECORDS_LOOKED_AT = 100
_SEPARATOR_LINE = re.compile(r'"?sep=(.)"?\r?\n?', re.IGNORECASE)  # the first line of some of Excel's files


def open_csv(source: CsvSource, layout: TableLayout) -> TextTable:
    """Open a table with a header; its rows may have more or fewer cells than the header.

    The compression (gzip, bzip2, xz, and Zstandard with pyarrow) follows from the content. A byte order mark gives the
    encoding; otherwise it is UTF-8 or the layout's. The delimiter, if the layout has none, is the one of ``,``, ``;``,
    tab and ``|`` that splits the header.

    Raises:
        OSError: the file cannot be read.
        InputError: it is empty or not CSV, or the delimiter cannot be guessed.
    """
    path, text = _text(source, layout)
    told = _SEPARATOR_LINE.match(text)
    n_lines = 1 if told else 0
    text = text[told.end() :] if told else text
    comments = _comments(text)
    n_lines += len(comments)
    text = text[sum(map(len, comments)) :]
    delimiter = layout.delimiter or (told[1] if told else _guessed_delimiter(path, text, layout, n_lines + 1))
    records = _records(path, text, n_lines, delimiter)
    line, header = next(records, (0, []))
    table = TextTable(path, tuple(header), records, header=line or 1, metadata=_metadata(path, comments))
    if not header:
        raise table.wrong("empty")
    return table


def open_named_csv(path: Path) -> TextTable:
    """Open a table whose header names every column, once; every row has one cell per column. Raises as above."""
    table = open_csv(path, _FIXED)
    check_names(table)
    return table.checked("the header")


def open_csv_without_header(path: Path, names: Sequence[str]) -> TextTable:
    """Open a table with commas and no header, whose columns have these names; comments may stand above it."""
    path, text = _text(path, _FIXED)
    comments = _comments(text)
    records = _records(path, text[sum(map(len, comments)) :], len(comments), ",")
    return TextTable(path, tuple(names), records).checked("the format")


def _text(source: CsvSource, layout: TableLayout) -> tuple[Path, str]:
    """Return the name of a file for messages, and its text."""
    if isinstance(source, str | os.PathLike):
        path = Path(source)
        return path, _decoded(path, path.read_bytes(), layout)
    if not hasattr(source, "read"):
        raise InputError(f"{shown(source)} is neither a path nor an open file")
    name = getattr(source, "name", None)
    path = Path(name if isinstance(name, str) else "the open file")
    content = source.read()
    return path, content.removeprefix("\ufeff") if isinstance(content, str) else _decoded(path, content, layout)


def _decoded(path: Path, content: bytes, layout: TableLayout) -> str:
    content = _decompressed(path, content)
    encoding, options = layout.encoding, layout.options
    if encoding is None:
        is_utf16 = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))  # Excel's "Unicode text"
        codec = "utf-16" if is_utf16 else "utf-8-sig"
    else:
        codec = encoding
    try:
        return content.decode(codec)
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        if "encoding" in options.missing:
            hint = "save it as UTF-8"
        elif encoding is not None:
            hint = f"is {options('encoding')} right?"
        else:
            hint = f"{options(('encoding', 'cp1252'))} reads the text of older Windows programs"
        raise InputError(f"{path}: line {line}: not {encoding or 'UTF-8'} text: {hint}") from error
    except LookupError as error:
        raise InputError(f"the encoding {encoding!r}: Python knows none of this name") from error


def _zstandard(content: bytes) -> bytes:
    if find_spec("pyarrow") is None:
        raise InputError("Zstandard needs pyarrow: pip install 'qabwnas[batch]'")
    import pyarrow as pa

    with pa.CompressedInputStream(pa.BufferReader(content), "zstd") as stream:
        read: bytes = stream.read()
    return read


_COMPRESSIONS: dict[bytes, tuple[str, Callable[[bytes], bytes]]] = {
    b"\x1f\x8b": ("gzip", gzip.decompress),
    b"BZh": ("bzip2", bz2.decompress),
    b"\xfd7zXZ\x00": ("xz", lzma.decompress),
    b"\x28\xb5\x2f\xfd": ("Zstandard", _zstandard),
}


def _decompressed(path: Path, content: bytes) -> bytes:
    for signature, (name, decompress) in _COMPRESSIONS.items():
        if content.startswith(signature):
            try:
                return decompress(content)
            except InputError as error:
                raise InputError(f"{path}: {error}") from error
            except (OSError, EOFError, ValueError, zlib.error, lzma.LZMAError) as error:
                raise InputError(f"{path}: not a complete {name} file: {error}") from error
    return content


def _comments(text: str) -> list[str]:
    """Return the lines above the header that begin with ``#``."""
    comments = []
    for line in io.StringIO(text, newline=""):
        # A spreadsheet puts the line of metadata into quotes.
        if not line.startswith(("#", f'"# {METADATA_KEY}:')):
            break
        comments.append(line)
    return comments


def _metadata(path: Path, comments: Sequence[str]) -> TableMetadata:
    for number, line in enumerate(comments, start=1):
        key, colon, text = line.lstrip('"').removeprefix("#").partition(":")
        if colon and key.strip() == METADATA_KEY:
            try:
                return parse_metadata(text)
            except (InputError, FormatError) as error:
                raise type(error)(f"{path}: line {number}: {error}") from error
    return NO_METADATA


def _records(path: Path, text: str, n_lines: int, delimiter: str) -> Iterator[Record]:
    """Yield line and cells of every row that is not blank; ``n_lines`` lines are above the text."""
    reader = _reader(text, delimiter)
    line = n_lines
    try:
        for cells in reader:
            line = n_lines + reader.line_num
            if cells:
                yield line, cells
    except csv.Error as error:
        raise InputError(f"{path}: line {line + 1}: not CSV: {error}") from error


def _reader(text: str, delimiter: str) -> Any:
    return csv.reader(io.StringIO(text, newline=""), strict=True, delimiter=delimiter)


def _guessed_delimiter(path: Path, text: str, layout: TableLayout, line: int) -> str:
    """Return the delimiter under which the header names the block and the candidate, or else the only one in use."""
    headers = {delimiter: header for delimiter in DELIMITERS if (header := _first_record(text, delimiter))}
    names = {(layout.block or BLOCK).casefold(), (layout.candidate or CANDIDATE).casefold()}
    for delimiter, header in headers.items():
        if names <= {name.strip().casefold() for name in header}:
            return delimiter
    used = [delimiter for delimiter, header in headers.items() if len(header) > 1]
    if len(used) > 1:
        used = [delimiter for delimiter in used if _is_rectangular(text, delimiter)] or used
    if len(used) > 1:
        delimiters = " or ".join(repr(delimiter) for delimiter in used)
        hint = "" if "delimiter" in layout.options.missing else f": {layout.options('delimiter')} chooses it"
        raise InputError(f"{path}: line {line}: the delimiter may be {delimiters}{hint}")
    return used[0] if used else ","


def _first_record(text: str, delimiter: str) -> list[str]:
    """Return the cells of the first record that is not blank; empty if it cannot be read with this delimiter."""
    try:
        first: list[str] = next(filter(None, _reader(text, delimiter)), [])
    except csv.Error:  # a quote that another delimiter follows
        return []
    return first


def _is_rectangular(text: str, delimiter: str) -> bool:
    """Return whether the first records have equally many cells."""
    reader = filter(None, _reader(text, delimiter))
    try:
        lengths = {len(cells) for cells, _ in zip(reader, range(_RECORDS_LOOKED_AT), strict=False)}
    except csv.Error:
        return False
    return len(lengths) == 1

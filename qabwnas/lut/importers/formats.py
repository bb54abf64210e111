"""The formats of tables that can be imported, by name; CSV and Parquet can be exported too."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from qabwnas.errors import InputError
from qabwnas.io.file_kinds import TABLE, check_suffix
from qabwnas.lut.device_results import device_name
from qabwnas.lut.exchange.csv_read import fixed_parts, named_metrics, read_csv
from qabwnas.lut.importers.inputs import ImportOptions
from qabwnas.lut.lut import Lut

Importer = Callable[[Sequence[Path], ImportOptions], Lut]


@dataclass(frozen=True)
class TableFormat:
    """A format: ``csv``, ``parquet``, or a module of this package with a function ``read_table``.

    Attributes:
        options: the attributes of :class:`ImportOptions` that it uses in addition to ``aggregate`` and ``fixed``.
        several: whether a table may have several files, one per stage of the network.
    """

    options: frozenset[str] = frozenset()
    several: bool = False


FORMATS = {
    "csv": TableFormat(frozenset({"layout"})),
    "parquet": TableFormat(frozenset({"layout"})),
    "spaceevo": TableFormat(frozenset({"device", "resolution"}), several=True),
    "dna": TableFormat(several=True),
    "ofa": TableFormat(frozenset({"device"})),
    "hawq": TableFormat(frozenset({"device"})),
}

_TEXT_SUFFIXES = (".csv", ".tsv", ".txt")
_COMPRESSED_SUFFIXES = ("", ".gz", ".bz2", ".xz", ".zst")
_SUFFIXES = {
    **{text + compressed: "csv" for text in _TEXT_SUFFIXES for compressed in _COMPRESSED_SUFFIXES},
    ".parquet": "parquet",
}


def guess_format(path: str | os.PathLike[str]) -> str:
    """Return the format that the file's suffix says: ``csv`` or ``parquet``.

    Raises:
        InputError: the suffix says neither.
    """
    for suffix, name in _SUFFIXES.items():
        if os.fspath(path).lower().endswith(suffix):
            return name
    raise InputError(
        f"{path}: neither .csv, .tsv, .txt (or compressed) nor .parquet: give its format, one of {', '.join(FORMATS)}"
    )


def import_table(
    paths: Sequence[str | os.PathLike[str]], name: str | None = None, options: ImportOptions | None = None
) -> Lut:
    """Read a table of a known format, guessed from the suffix if no format is named.

    Raises:
        OSError: a file cannot be read.
        InputError: the format is unknown, takes only one file, or needs pyarrow, which is not installed; the format
            does not use an option; or the content of a file is wrong, and the message gives file and line, row or key.
    """
    options = options or ImportOptions()
    name = guess_format(paths[0]) if name is None else name
    if name not in FORMATS:
        raise InputError(f"{name!r} is not one of the formats {', '.join(FORMATS)}")
    known = FORMATS[name]
    if len(paths) > 1 and not known.several:
        raise InputError(f"{paths[1]}: a table of the format {name} is one file")
    given = {"device": options.device is not None, "resolution": options.resolution is not None}
    for option, is_given in {**given, "layout": not options.layout.is_empty}.items():
        if is_given and option not in known.options:
            what = "options of columns, numbers and text" if option == "layout" else f"option {option}"
            raise InputError(f"the format {name} does not use the {what}")
    if options.device is not None:
        device_name(options.device, "device")
    first = Path(paths[0])
    if name == "csv":
        return Lut.of(read_csv(first, options.aggregate, options.fixed, options.layout, options.higher_is_better))
    if name == "parquet":
        _check_pyarrow(first)
        from qabwnas.lut.exchange.parquet import read_parquet

        return Lut.of(read_parquet(first, options.aggregate, options.fixed, options.layout, options.higher_is_better))
    read: Importer = import_module(f"qabwnas.lut.importers.{name}").read_table
    return _with_overrides(read([Path(path) for path in paths], options), options, first)


def export_table(lut: Lut, path: str | os.PathLike[str]) -> None:
    """Write a table in the format of its suffix: .csv, .csv.gz or .parquet; :func:`import_table` returns an equal LUT.

    Raises:
        OSError: the folder cannot be written.
        InputError: the suffix is another one, or Parquet is wanted and pyarrow is not installed; otherwise as
            :func:`qabwnas.lut.exchange.csv_write.write_csv`.
    """
    check_suffix(path, TABLE)
    if guess_format(path) == "csv":
        lut.to_csv(path)
        return
    _check_pyarrow(path)
    from qabwnas.lut.exchange.parquet import write_parquet

    write_parquet(lut, path)


def _check_pyarrow(path: str | os.PathLike[str]) -> None:
    if find_spec("pyarrow") is None:
        raise InputError(f"{path}: Parquet needs pyarrow: pip install 'qabwnas[batch]'")


def _with_overrides(lut: Lut, options: ImportOptions, path: Path) -> Lut:
    """Return the LUT with the user's aggregations, fixed parts and senses instead of the format's."""
    known = {metric.name: metric for metric in lut.metrics}
    try:
        fixed = fixed_parts(options.fixed)
        metrics = named_metrics(lut.metric_names, options.aggregate, fixed, known, options.higher_is_better)
        return replace(lut, metrics=metrics)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error

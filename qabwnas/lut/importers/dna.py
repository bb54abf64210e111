"""DNA's block losses (changlin31/DNA, ``potential-<stage>.yaml``; Li et al., CVPR 2020).

No such file could be found; the form is that of the code that writes them (``searching/timm_/utils.py``,
``searching/dna/distill_train.py``) and reads them (``searching/process_potential.py``): a mapping of lists with one
entry per candidate of the stage, in the order of ``itertools.product`` over the operations of its layers, last layer
fastest. ``loss`` is the mean-squared error against the teacher's features, ``rela_loss`` that divided by the teacher's
variance, ``sq_loss`` its root divided by the variance, ``gr_loss`` and ``cl_loss`` the mean absolute error divided by
the teacher's mean magnitude and standard deviation. DNA's own search adds up ``cl_loss``.

Every stage becomes a block ``stage0``, ``stage1`` …, and every list of losses a metric that is summed. These are left
out: lists that are 0 everywhere, because DNA writes 0 for what it did not compute; ``prec1``, the accuracy of stages
that end in a classifier, because it does not add up; ``top_index``, because it follows from the losses. If the number
of candidates is a power of six, they are combinations of DNA's six operations and described by them
(``MB6_3x3 MB3_7x7``); other candidates are described by number. The files hold neither costs nor bit widths.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from qabwnas.errors import InputError
from qabwnas.io.fields import LARGEST_NUMBER
from qabwnas.io.numeric import shown
from qabwnas.io.yaml_reader import read_yaml
from qabwnas.lut.content import LutBlock
from qabwnas.lut.exchange.text_table import TextTable
from qabwnas.lut.importers.inputs import ImportOptions, stages_of
from qabwnas.lut.lut import Lut
from qabwnas.lut.table import Metric, Table

_NAME = re.compile(r"potential-([0-9]+)\.ya?ml")
_LOSSES = ("loss", "rela_loss", "sq_loss", "gr_loss", "cl_loss")
_OTHERS = ("prec1", "top_index")
_OPERATIONS = ("MB6_3x3", "MB6_5x5", "MB6_7x7", "MB3_3x3", "MB3_5x5", "MB3_7x7")

Losses = dict[str, NDArray[Any]]


def read_table(paths: Sequence[Path], _: ImportOptions) -> Lut:
    """Read the files of some or all stages, or a folder of them.

    Raises:
        InputError: a file cannot be read, its name or a key in it is wrong, a stage has two files, or no loss is in all
            files.
    """
    tables: dict[str, Losses] = {}
    for stage, files in stages_of(paths, ".yaml", _NAME, "potential-0.yaml").items():
        if len(files) > 1:
            raise InputError(f"{files[1]}: stage {stage} already has a file, {files[0]}")
        tables[f"stage{stage}"] = _read(files[0])
    names = [name for name in _LOSSES if all(name in losses for losses in tables.values())]
    if not names:
        raise InputError(f"{paths[0]}: no loss is in all stages; expected one of {', '.join(_LOSSES)}")
    blocks = [LutBlock(stage, (_table({name: losses[name] for name in names}),)) for stage, losses in tables.items()]
    return Lut(tuple(Metric(name) for name in names), tuple(blocks))


def _read(path: Path) -> Losses:
    """Return the losses of a stage that were computed: arrays of the same length."""
    content = read_yaml(path, exact=True)
    if not isinstance(content, dict):
        raise InputError(f"{path}: not a mapping of lists")
    table = TextTable(path, _LOSSES, (), place="entry")
    losses: Losses = {}
    for key, entries in content.items():
        if key in _OTHERS:
            continue
        if key not in _LOSSES:
            raise InputError(f"{path}: {key}: unknown key; there are {', '.join((*_LOSSES, *_OTHERS))}")
        if not isinstance(entries, list) or not entries:
            raise InputError(f"{path}: {key}: not a list with at least one entry")
        losses[key] = table.numbers(
            key, range(len(entries)), [_number(f"{path}: {key}[{i}]", entry) for i, entry in enumerate(entries)]
        )
    table.warn_of_rounding()
    lengths = {key: len(values) for key, values in losses.items()}
    if len(set(lengths.values())) > 1:
        raise InputError(f"{path}: lists of different lengths: {', '.join(f'{k} {n}' for k, n in lengths.items())}")
    return {key: values for key, values in losses.items() if values.any()}


def _number(where: str, entry: Any) -> str:
    """Return a number with all of its digits."""
    is_number = isinstance(entry, (int, Decimal)) and not isinstance(entry, bool)
    if not is_number or not -LARGEST_NUMBER <= entry <= LARGEST_NUMBER:
        raise InputError(f"{where}: {shown(entry)} is not a finite number")
    return str(entry)


def _table(columns: Losses) -> Table:
    n_rows = len(next(iter(columns.values())))
    return Table(columns, descriptions=_describe(n_rows))


def _describe(n_rows: int) -> list[str] | None:
    n_layers = round(math.log(n_rows, len(_OPERATIONS)))
    if n_layers == 0 or len(_OPERATIONS) ** n_layers != n_rows:
        return None
    return [" ".join(choice) for choice in itertools.product(_OPERATIONS, repeat=n_layers)]

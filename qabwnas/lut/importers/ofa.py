"""Once-for-all's and ProxylessNAS's latency tables (mit-han-lab/once-for-all, ``latency_lookup_table.py``).

A YAML mapping from an operation in its place to a mapping with its ``mean``, in milliseconds, which has other members
(``count``, ``std``) in the tables of a phone that come with that code (``latency_table@note10``)::

    expanded_conv-input:56x56x24-output:28x28x40-expand:6-kernel:5-stride:2-idskip:0:
      mean: 1.25

Shapes are height × width × channels. ``expand`` is the expansion (in ProxylessNAS's tables, which that code downloads),
or, where ``se`` and ``hs`` (squeeze and excitation, hard swish) follow, the number of inner channels. ``Conv``,
``Conv_1``, ``AvgPool2D``, ``Conv_2`` and ``Logits`` have shapes alone. There is no loss, no bit width and no name of a
device.

The format knows operations and no network: layers of one shape share an entry, and which shapes follow one another is
not said. What is true to it is a column of a LUT whose space says both: :mod:`.ofa_column`. Read alone, it is the table
itself: a block for every place (kind, shapes, stride, shortcut), its candidates what may stand there. A total then
counts every place once, and is the latency of a network only where that has every place of the table once.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path

import numpy as np

from qabwnas.errors import InputError
from qabwnas.io.fields import LARGEST_NUMBER, parse_yaml, shown
from qabwnas.lut.importers.options import ImportOptions
from qabwnas.lut.lut import Lut, LutBlock, Metric, Table
from qabwnas.lut.text_table import TextTable

_SHAPES = r"input:[0-9]+(?:x[0-9]+)*-output:[0-9]+(?:x[0-9]+)*"
_PLAIN = re.compile(rf"(?:Conv|Conv_1|Conv_2|AvgPool2D|Logits)-{_SHAPES}")
_MBCONV = re.compile(
    rf"(?P<kind>expanded_conv-{_SHAPES})-(?P<choice>expand:[0-9]+-kernel:[0-9]+)"
    r"-(?P<place>stride:[0-9]+-idskip:[01])(?P<extra>-se:[01]-hs:[01])?"
)


def read_table(paths: Sequence[Path], options: ImportOptions) -> Lut:
    """Read a ``.yaml`` table as blocks, one a place, in the order in which places first appear.

    Raises:
        OSError: the file cannot be read.
        InputError: as :func:`read_operations`.
    """
    places: dict[str, dict[str, float]] = {}
    for key, latency in read_operations(paths[0]).items():
        match = _MBCONV.fullmatch(key)
        place = key if match is None else f"{match['kind']}-{match['place']}"
        choice = key.partition("-")[0] if match is None else match["choice"] + (match["extra"] or "")
        places.setdefault(place, {})[choice] = latency
    metric = Metric(options.latency_metric, "ms")
    blocks = [
        LutBlock(place, (Table({metric.name: np.array(list(found.values()))}, descriptions=list(found)),))
        for place, found in places.items()
    ]
    return Lut((metric,), tuple(blocks))


def read_operations(path: Path) -> Mapping[str, float]:
    """Return milliseconds by key, as the table orders them.

    Raises:
        OSError: the file cannot be read.
        InputError: it is no YAML mapping, or a key or its ``mean`` is wrong; the message gives the key.
    """
    try:
        content = parse_yaml(path.read_text(encoding="utf-8"), str(path), exact=True)
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not UTF-8 text") from error
    if not isinstance(content, dict) or not content:
        raise InputError(f"{path}: not a mapping of operations")
    cells = []
    for key, entry in content.items():
        if not isinstance(key, str) or not (_PLAIN.fullmatch(key) or _MBCONV.fullmatch(key)):
            raise InputError(f"{path}: {key}: not an operation of the form {_EXAMPLE}")
        mean = entry.get("mean") if isinstance(entry, dict) else None
        if isinstance(mean, bool) or not isinstance(mean, (int, Decimal)) or not 0 <= mean <= LARGEST_NUMBER:
            raise InputError(f"{path}: {key}.mean: {shown(mean)} is not a number of 0 or more")
        cells.append(str(mean))
    table = TextTable(path, ("mean",), (), place="entry")
    means = table.numbers("mean", range(1, len(cells) + 1), cells)
    table.warn_of_rounding()
    return dict(zip(content, means.tolist(), strict=True))


_EXAMPLE = "expanded_conv-input:56x56x24-output:28x28x40-expand:6-kernel:5-stride:2-idskip:0"

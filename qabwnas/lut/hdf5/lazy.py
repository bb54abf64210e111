"""Columns, masks and descriptions of an opened LUT, read from its file when they are first needed."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from qabwnas.io.hdf5_names import encode_name
from qabwnas.io.hdf5_read import BOOL, Dataset, Group
from qabwnas.lut.arrays import LazyArrays, array_rows

ROWS_AT_ONCE = 65_536


class _StoredArrays(LazyArrays):
    """Metric name → array ``(n_rows,)``: a whole array is cached once it is read, a range of rows is not."""

    def __init__(self, names: Iterable[str], n_rows: int) -> None:
        self._names = dict.fromkeys(names)
        self._n_rows = n_rows
        self._read: dict[str, NDArray[Any]] = {}

    @property
    def n_rows(self) -> int:
        return self._n_rows

    def __getitem__(self, name: str) -> NDArray[Any]:
        if name not in self._names:
            raise KeyError(name)
        if name not in self._read:
            values = self._load(name, 0, self._n_rows)
            values.flags.writeable = False  # callers share it
            self._read[name] = values
        return self._read[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    def __contains__(self, name: object) -> bool:
        return name in self._names

    def is_int64(self, name: str) -> bool:  # noqa: ARG002 - masks are bool, and StoredColumns overrides it
        return False

    def rows(self, name: str, first: int, last: int) -> NDArray[Any]:
        if name in self._read or last - first == self._n_rows:
            return self[name][first:last]
        return self._load(name, first, last)

    @abstractmethod
    def _load(self, name: str, first: int, last: int) -> NDArray[Any]: ...


class StoredMasks(_StoredArrays):
    """Metric name → bool ``(n_rows,)``: which rows were measured, for the metrics with a mask in ``group``."""

    def __init__(self, group: Group, metrics: Iterable[str], n_rows: int) -> None:
        super().__init__((name for name in metrics if encode_name(name) in group), n_rows)
        self._group = group

    def _load(self, name: str, first: int, last: int) -> NDArray[np.bool_]:
        dataset = self._group.dataset(encode_name(name), BOOL, (self._n_rows,), dims=("row",))
        mask = dataset.read_slice((first,), (last - first,))
        if np.any(mask.view(np.uint8) > 1):
            raise dataset.wrong("a value is neither false nor true")
        return mask


class StoredColumns(_StoredArrays):
    """Metric name → float64 ``(n_rows,)``, finite where measured: the rows of a dataset ``(n_metrics, n_rows)``.

    A metric with a dataset in ``int64`` is int64 ``(n_rows,)``, and read from there.
    """

    def __init__(
        self,
        dataset: Dataset,
        metrics: Sequence[str],
        measured: Mapping[str, NDArray[np.bool_]],
        int64: Mapping[str, Dataset],
    ) -> None:
        super().__init__(metrics, dataset.shape[1])
        self._int64 = int64
        self._dataset = dataset
        self._index = {name: index for index, name in enumerate(metrics)}
        self._measured = measured

    def is_int64(self, name: str) -> bool:
        return name in self._int64

    def _load(self, name: str, first: int, last: int) -> NDArray[Any]:
        if name in self._int64:
            return self._int64[name].read_slice((first,), (last - first,))
        column: NDArray[np.float64] = self._dataset.read_slice((self._index[name], first), (1, last - first))[0]
        valid = np.isfinite(column)
        if name in self._measured:
            valid |= ~array_rows(self._measured, name, first, last)
        if not valid.all():
            row = int(valid.argmin())
            raise self._dataset.wrong(f"{name}: row {first + row} is {column[row]}, but not masked")
        return column


class StoredTexts(Sequence[str]):
    """One text per row, read one by one, or in chunks in a loop; nothing is cached. A pickled one is a tuple."""

    def __init__(self, dataset: Dataset) -> None:
        self._dataset = dataset

    def __len__(self) -> int:
        return self._dataset.shape[0]

    @overload
    def __getitem__(self, index: int) -> str: ...

    @overload
    def __getitem__(self, index: slice) -> list[str]: ...

    def __getitem__(self, index: int | slice) -> str | list[str]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        row = range(len(self))[index]
        return self._dataset.read_texts(row, 1)[0]

    def __reduce__(self) -> tuple[type[tuple[str, ...]], tuple[list[str]]]:
        return tuple, (list(self),)

    def __iter__(self) -> Iterator[str]:
        for start in range(0, len(self), ROWS_AT_ONCE):
            yield from self._dataset.read_texts(start, min(ROWS_AT_ONCE, len(self) - start))

"""What an opened LUT holds in place of arrays: columns, masks and descriptions that are read when first asked for."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from qabwnas.io.hdf5_names import encode_name
from qabwnas.io.hdf5_read import BOOL, Dataset, Group
from qabwnas.lut.chunks import ArraysInParts, part

ROWS_AT_ONCE = 65_536


class _StoredArrays(ArraysInParts):
    """Metric name → array ``(n_rows,)``, read when first asked for and then kept, or in parts, which are not."""

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
            values.flags.writeable = False  # it is handed out again, so nobody may change it
            self._read[name] = values
        return self._read[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    def __contains__(self, name: object) -> bool:
        return name in self._names

    def is_whole(self, name: str) -> bool:  # noqa: ARG002 - of masks none is
        return False

    def part(self, name: str, first: int, last: int) -> NDArray[Any]:
        if name in self._read or last - first == self._n_rows:
            return self[name][first:last]
        return self._load(name, first, last)

    @abstractmethod
    def _load(self, name: str, first: int, last: int) -> NDArray[Any]: ...


class StoredMasks(_StoredArrays):
    """Metric name → bool ``(n_rows,)``: which rows were measured, only for the metrics that ``group`` has a mask of."""

    def __init__(self, group: Group, metrics: Iterable[str], n_rows: int) -> None:
        super().__init__((name for name in metrics if encode_name(name) in group), n_rows)
        self._group = group

    def _load(self, name: str, first: int, last: int) -> NDArray[np.bool_]:
        dataset = self._group.dataset(encode_name(name), BOOL, (self._n_rows,), dims=("row",))
        mask = dataset.read_part((first,), (last - first,))
        if np.any(mask.view(np.uint8) > 1):
            raise dataset.wrong("a value is neither false nor true")
        return mask


class StoredColumns(_StoredArrays):
    """Metric name → float64 ``(n_rows,)``: the rows of a dataset ``(n_metrics, n_rows)``, finite where measured.

    A metric that has a dataset in ``whole`` is int64 ``(n_rows,)``, and read from there.
    """

    def __init__(
        self,
        dataset: Dataset,
        metrics: Sequence[str],
        measured: Mapping[str, NDArray[np.bool_]],
        whole: Mapping[str, Dataset],
    ) -> None:
        super().__init__(metrics, dataset.shape[1])
        self._whole = whole
        self._dataset = dataset
        self._index = {name: index for index, name in enumerate(metrics)}
        self._measured = measured

    def is_whole(self, name: str) -> bool:
        return name in self._whole

    def _load(self, name: str, first: int, last: int) -> NDArray[Any]:
        if name in self._whole:
            return self._whole[name].read_part((first,), (last - first,))
        column: NDArray[np.float64] = self._dataset.read_part((self._index[name], first), (1, last - first))[0]
        right = np.isfinite(column)
        if name in self._measured:
            right |= ~part(self._measured, name, first, last)
        if not right.all():
            row = int(right.argmin())
            raise self._dataset.wrong(f"{name}: row {first + row} is {column[row]}, but not masked")
        return column


class StoredTexts(Sequence[str]):
    """Texts, one a row, read one by one, or in runs when iterated; nothing is kept. Pickled they are a tuple of all."""

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

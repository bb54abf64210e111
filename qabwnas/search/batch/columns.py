"""Which columns of a table of budgets are budgets, and which are copied to the answers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from qabwnas.errors import InputError


class ColumnRoles(NamedTuple):
    """The positions of budgets and of copied columns, each in the order of the table, and the names of the copies."""

    budgets: list[int]
    copied: list[int]
    copied_names: list[str]

    @classmethod
    def of(cls, names: Sequence[str], keep: Sequence[str], repeat: bool, header: str) -> ColumnRoles:
        """Return the roles: ``keep`` are copied under their names, and with ``repeat`` budgets as ``budget METRIC``.

        Raises:
            InputError: a column to keep is not in the table.
        """
        for name in keep:
            if name not in names:
                raise InputError(f"{header}: there is no column {name!r} to keep among {', '.join(names)}")
        budgets = [i for i, name in enumerate(names) if name not in keep]
        copied = [i for i, name in enumerate(names) if repeat or name in keep]
        copied_names = [names[i] if names[i] in keep else f"budget {names[i]}" for i in copied]
        return cls(budgets, copied, copied_names)

"""Progress bars on a terminal: one for the run, one for its stage, and one for each of its activities."""

from __future__ import annotations

from types import TracebackType

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskID, TextColumn
from rich.table import Column

from qabwnas.progress import Node, TreeReporter

REFRESHES_PER_SECOND = 4
BAR_WIDTH = 20


class Bars(TreeReporter):
    """Shows every activity as a bar on stderr while the ``with`` block lasts; other output appears above the bars."""

    def __init__(self) -> None:
        super().__init__()
        self._bars: dict[str, TaskID] = {}
        self._progress = Progress(
            TextColumn("{task.description}", table_column=Column(no_wrap=True)),
            BarColumn(BAR_WIDTH),
            TextColumn("{task.fields[amount]}", table_column=Column(no_wrap=True)),
            TextColumn("{task.fields[left]}", table_column=Column(no_wrap=True)),
            TextColumn("{task.fields[note]}", table_column=Column(no_wrap=True, overflow="ellipsis")),
            console=Console(stderr=True),
            refresh_per_second=REFRESHES_PER_SECOND,
            transient=True,
        )

    @property
    def seconds(self) -> float:
        return 1 / REFRESHES_PER_SECOND

    def __enter__(self) -> Bars:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def opened(self, node: Node) -> None:
        if not _is_whole(node):
            name = escape(node.status.name)  # names and notes may hold brackets, which are no markup
            self._bars[node.status.key] = self._progress.add_task(name, total=None, amount="", left="", note="")
        self.changed(node)

    def changed(self, node: Node) -> None:
        self._update(node, node.status.note)

    def closed(self, node: Node) -> None:
        if not _is_whole(node):
            self._progress.remove_task(self._bars.pop(node.status.key))
        if node.parent is not None:
            self._update(node.parent, "")

    def _update(self, node: Node, note: str) -> None:
        """Show how far an activity and those that it is a part of are."""
        if _is_whole(node):
            assert node.parent is not None
            self._update(node.parent, note)
            return
        self._progress.update(
            self._bars[node.status.key],
            total=node.total or None,
            completed=node.done,
            amount=node.amount(),
            left=node.rest(),
            note=escape(note),
        )
        if node.parent is not None:
            self._update(node.parent, "")


def _is_whole(node: Node) -> bool:
    """Return whether an activity is all of the one that it is a part of, which then shows it."""
    return node.parent is not None and node.parent.status.name == node.status.name

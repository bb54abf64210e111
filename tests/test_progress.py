"""Progress: sums over parts, what was finished before, remaining times, and the lines that are written."""

from __future__ import annotations

import logging
from contextlib import suppress

import pytest

from qabwnas import progress
from qabwnas.progress import Node, Status, TreeReporter, activity, current_key, expect, part_of, reporting


class Recorder(TreeReporter):
    """Notes (name, done, total, unit) at every change of an activity and of those that it is a part of."""

    seconds = 0.0

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[str, float, float, str]] = []
        self.nodes: dict[str, Node] = {}

    def opened(self, node: Node) -> None:
        self.changed(node)

    def changed(self, node: Node) -> None:
        above: Node | None = node
        while above is not None:
            self.nodes[above.status.name] = above
            self.seen.append((above.status.name, above.done, above.total, above.unit))
            above = above.parent

    def closed(self, node: Node) -> None:
        self.changed(node)

    def last(self, name: str) -> tuple[float, float, str]:
        return next((done, total, unit) for each, done, total, unit in reversed(self.seen) if each == name)


def test_parts_count_for_the_whole_also_from_other_processes() -> None:
    recorder = Recorder()
    with reporting(recorder), activity("run", 100), activity("lut", size=60):
        expect(12, "rows")
        key = current_key()
        with activity("b1", 8, "rows") as shown:
            shown.advance(3)
            assert recorder.last("lut") == (3, 12, "rows")
            assert recorder.last("run") == (15, 100, "")
            shown.advance(5)
        with part_of(""), part_of(key), activity("b2", 4, "rows") as shown:
            shown.advance(2)
            assert recorder.last("lut") == (10, 12, "rows")
            shown.advance(2)
    assert recorder.last("run") == (100, 100, "")


def test_a_whole_without_a_size_of_its_own_is_as_large_as_its_parts() -> None:
    recorder = Recorder()
    with reporting(recorder), activity("teacher"), activity("training", 8, "steps") as shown:
        shown.advance(2)
        assert recorder.last("teacher") == (2, 8, "steps")


def test_what_was_finished_before_gives_no_speed() -> None:
    recorder = Recorder()
    with reporting(recorder), activity("all", 20, "steps"):
        with activity("first", 10, "steps", done=8) as shown:
            assert recorder.nodes["all"].done == 8
            assert recorder.nodes["all"].seconds_left() is None, "an estimate without a basis"
            shown.advance(1)
            assert recorder.nodes["all"].worked == 1
            left = recorder.nodes["first"].seconds_left()
            assert left is not None
            assert left > 0
        # A success means that the rest, which was not counted, had been done before.
        assert (recorder.nodes["all"].done, recorder.nodes["all"].worked) == (10, 1)


def test_a_failure_counts_only_what_was_done() -> None:
    recorder = Recorder()
    with reporting(recorder), activity("all", 20, "steps"):
        with suppress(ValueError), activity("first", 10, "steps") as shown:
            shown.advance(4)
            raise ValueError("broken")
        assert recorder.nodes["all"].done == 4


def test_lines_come_at_even_distances_and_from_time_to_time(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    with caplog.at_level(logging.INFO, "qabwnas"):
        with activity("scoring", 1000, "networks", n_lines=4) as shown:
            for _ in range(1000):
                shown.advance(note=lambda: "loss 1")
        assert [message.partition(", about")[0] for message in caplog.messages] == [
            f"scoring: {done} of 1,000 networks, loss 1" for done in ("250", "500", "750", "1,000")
        ]
        caplog.clear()
        with activity("quiet", 1000, "rows") as shown:
            shown.advance(999)
            assert caplog.messages == []
            monkeypatch.setattr(progress, "SECONDS_BETWEEN_LINES", 0.0)
            shown.advance(0)
        assert [message.partition(", about")[0] for message in caplog.messages] == ["quiet: 999 of 1,000 rows"]


def test_notes_are_only_computed_when_they_are_shown() -> None:
    computed = []

    class Third(Recorder):
        def is_due(self, status: Status) -> bool:
            return status.done == 3

    def note() -> str:
        computed.append(shown)
        return "loss 1"

    with reporting(Third()), activity("a", 5, "steps") as shown:
        for _ in range(5):
            shown.advance(note=note)
    assert len(computed) == 1

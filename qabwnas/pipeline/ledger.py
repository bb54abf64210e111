"""The ledger of a run folder: which stages are done, with which settings, and what they wrote."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from qabwnas.errors import FormatError
from qabwnas.io.atomic import atomic_path
from qabwnas.io.fingerprint import file_sha256
from qabwnas.pipeline.config.run_format import current_names
from qabwnas.pipeline.lock import changing

FILE_NAME = "stages.json"


@dataclass(frozen=True)
class Entry:
    """A finished stage: its settings, the SHA-256 of every file that it wrote, by path, and how long it took."""

    settings: dict[str, Any]
    outputs: dict[str, str]
    seconds: float


class Ledger:
    """The finished stages of a run folder, kept in ``stages.json``.

    Every change is written at once, atomically, to what the file then holds: others may have changed it.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._path = folder / FILE_NAME
        self._entries = _read(self._path)

    def changes(self, stage: str, settings: Mapping[str, Any]) -> list[str]:
        """Return how ``settings`` differ from those that a finished stage was made with, a line a field."""
        if stage not in self._entries:
            return []
        return list(differences("", self._entries[stage].settings, settings))

    def reason_to_make(self, stage: str, settings: Mapping[str, Any]) -> str | None:
        """Return why a stage has to be made, or ``None`` if it is done; reads all of its outputs."""
        if stage not in self._entries:
            return "not made yet"
        if changes := self.changes(stage, settings):
            return changes[0]
        for name, digest in self._entries[stage].outputs.items():
            if not (self._folder / name).exists():
                return f"{name} is gone"
            if file_sha256(self._folder / name) != digest:
                return f"{name} was changed"
        return None

    def outputs(self, stage: str) -> dict[str, str]:
        """Return the digest of every file that a finished stage wrote, by path relative to the folder."""
        return self._entries[stage].outputs

    def seconds(self) -> dict[str, float]:
        """Return how long every finished stage took, in the order in which they were finished.

        A stage that was killed and continued took what its last attempt took.
        """
        return {stage: entry.seconds for stage, entry in self._entries.items()}

    def enter(self, stage: str, settings: dict[str, Any], outputs: Iterable[str], seconds: float) -> None:
        """Note that a stage is done."""
        digests = {name: file_sha256(self._folder / name) for name in outputs}
        self._change(lambda entries: entries | {stage: Entry(settings, digests, round(seconds, 1))})

    def forget(self, stages: Iterable[str]) -> None:
        """Note that stages have to be made anew."""
        forgotten = set(stages)
        self._change(lambda entries: {stage: entries[stage] for stage in entries if stage not in forgotten})

    def _change(self, change: Callable[[dict[str, Entry]], dict[str, Entry]]) -> None:
        with changing(self._folder):
            self._entries = change(_read(self._path))
            content = {stage: vars(entry) for stage, entry in self._entries.items()}
            with atomic_path(self._path) as temporary:
                temporary.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def _read(path: Path) -> dict[str, Entry]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        entries = {str(stage): Entry(**entry) for stage, entry in content.items()}
        return {stage: replace(entry, settings=current_names(entry.settings)) for stage, entry in entries.items()}
    except FileNotFoundError:
        return {}
    except (ValueError, TypeError, AttributeError) as error:
        raise FormatError(f"{path}: not the ledger of a run: {error}; delete it to make every stage anew") from error


def differences(where: str, before: Any, now: Any) -> Iterable[str]:
    """Yield ``field: before → now`` for every leaf of two nested values that is not equal."""
    if isinstance(before, dict) and isinstance(now, Mapping):
        for name in sorted(before.keys() | now.keys()):
            yield from differences(f"{where}.{name}" if where else name, before.get(name), now.get(name))
    elif before != now:
        yield f"{where}: {json.dumps(before)} → {json.dumps(now)}"

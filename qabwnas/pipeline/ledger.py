"""What is done in a run folder (the ledger of finished stages), and where a stage keeps unfinished work."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from qabwnas.errors import FormatError, StaleError
from qabwnas.io.atomic import atomic_path
from qabwnas.io.fingerprint import file_sha256, fingerprint
from qabwnas.pipeline.config.run_format import current_names, first_names
from qabwnas.pipeline.lock import changing

FILE_NAME = "stages.json"
SCRATCH_NAME, ORIGIN_NAME = "scratch", "begun_with.json"


@dataclass(frozen=True)
class Entry:
    """A finished stage: its settings, the SHA-256 of every file that it wrote, by path, and how long it took.

    ``device_seconds`` is how long its devices computed, over all workers and attempts; ``None`` in older ledgers.
    """

    settings: dict[str, Any]
    outputs: dict[str, str]
    seconds: float
    device_seconds: float | None = None


class Ledger:
    """The finished stages of a run folder, kept in ``stages.json``.

    Every change is applied to the current content of the file and written at once, atomically: other processes may
    have changed it.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._path = folder / FILE_NAME
        self._entries = _read(self._path)

    def changes(self, stage: str, settings: Mapping[str, Any]) -> list[str]:
        """Return how ``settings`` differ from those of a finished stage, one line per field."""
        if stage not in self._entries:
            return []
        return list(differences("", self._entries[stage].settings, settings))

    def reason_to_make(self, stage: str, settings: Mapping[str, Any]) -> str | None:
        """Return why a stage has to be made, or ``None`` if it is done. Reads all of its outputs."""
        if stage not in self._entries:
            return "not made yet"
        if changes := self.changes(stage, settings):
            return changes[0]
        return next(self.damages(stage), None)

    def damages(self, stage: str) -> Iterator[str]:
        """Give which files of a finished stage are gone or were changed, reading one after the other."""
        for name, digest in self._entries[stage].outputs.items():
            if not (self._folder / name).exists():
                yield f"{name} is gone"
            elif file_sha256(self._folder / name) != digest:
                yield f"{name} was changed"

    def stages(self) -> list[str]:
        """Return the names of the finished stages, in the order in which they were finished."""
        return list(self._entries)

    def outputs(self, stage: str) -> dict[str, str]:
        """Return the digest of every file that a finished stage wrote, by path relative to the folder."""
        return self._entries[stage].outputs

    def seconds(self) -> dict[str, float]:
        """Return how long every finished stage took, in the order in which they were finished.

        For a stage that was killed and continued, this is the time of its last attempt.
        """
        return {stage: entry.seconds for stage, entry in self._entries.items()}

    def device_seconds(self) -> dict[str, float | None]:
        """Return how long the devices of every finished stage computed (:mod:`qabwnas.pipeline.execution.device_time`).

        ``None`` stands for a stage that an earlier version made, which did not record it.
        """
        return {stage: entry.device_seconds for stage, entry in self._entries.items()}

    def settings(self, stage: str) -> dict[str, Any]:
        """Return the settings that a finished stage was made with."""
        return self._entries[stage].settings

    def enter(
        self,
        stage: str,
        settings: dict[str, Any],
        outputs: Iterable[str],
        seconds: float,
        device_seconds: float | None = None,
    ) -> None:
        """Record that a stage is done."""
        digests = {name: file_sha256(self._folder / name) for name in outputs}
        busy = None if device_seconds is None else round(device_seconds, 3)
        self._change(lambda entries: entries | {stage: Entry(settings, digests, round(seconds, 1), busy)})

    def forget(self, stages: Iterable[str]) -> None:
        """Record that stages have to be made again."""
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
        raise FormatError(f"{path}: not the ledger of a run: {error}; delete it to make every stage again") from error


def differences(where: str, before: Any, now: Any) -> Iterable[str]:
    """Yield ``field: before → now`` for every leaf in which two nested values differ."""
    if isinstance(before, dict) and isinstance(now, Mapping):
        for name in sorted(before.keys() | now.keys()):
            yield from differences(f"{where}.{name}" if where else name, before.get(name), now.get(name))
    elif before != now:
        yield f"{where}: {json.dumps(before)} → {json.dumps(now)}"


def scratch_identity(settings: Mapping[str, Any], inputs: Mapping[str, str]) -> str:
    """Return the fingerprint of a stage's settings and of the digests of the files that it reads."""
    return fingerprint({"settings": first_names(settings), "inputs": inputs})


def scratch_origins(folder: Path, name: str) -> dict[Path, dict[str, Any]]:
    """Return the folders with unfinished work of a stage, and the settings and inputs that it was begun with."""
    found = {}
    for path in sorted((folder / SCRATCH_NAME / name).glob(f"*/{ORIGIN_NAME}")):
        origin = json.loads(path.read_text(encoding="utf-8"))
        found[path.parent] = {**origin, "settings": current_names(origin["settings"])}
    return found


def open_scratch(
    folder: Path, name: str, settings: Mapping[str, Any], inputs: Mapping[str, str], *, keep_other: bool
) -> Path:
    """Return the folder for the unfinished work of stage ``name`` in a run folder, and create it if necessary.

    Unfinished work with other settings or inputs is deleted, or with ``keep_other`` kept and refused.

    Raises:
        StaleError: ``keep_other`` is set, and there is such work; the message names the differences.
    """
    scratch = folder / SCRATCH_NAME / name / scratch_identity(settings, inputs)[:16]
    origin = {"settings": settings, "inputs": inputs}
    origins = scratch_origins(folder, name)
    for other in scratch.parent.glob("*"):
        if other != scratch:
            if keep_other and (before := origins.get(other)) is not None:
                changes = "; ".join(differences("", before, origin))
                raise StaleError(
                    f"{other}: unfinished work with other settings or inputs ({changes}); --force deletes it"
                )
            shutil.rmtree(other)
    scratch.mkdir(parents=True, exist_ok=True)
    with atomic_path(scratch / ORIGIN_NAME) as temporary:
        temporary.write_text(json.dumps(origin, indent=2) + "\n", encoding="utf-8")
    return scratch

"""Where a stage keeps unfinished work: it is continued only with the settings and inputs that it was begun with."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from qabwnas.errors import StaleError
from qabwnas.io.atomic import atomic_path
from qabwnas.io.fingerprint import fingerprint
from qabwnas.pipeline.config.run_format import current_names, first_names
from qabwnas.pipeline.ledger import differences

FOLDER_NAME = "scratch"
ORIGIN_NAME = "begun_with.json"


def scratch_identity(settings: Mapping[str, Any], inputs: Mapping[str, str]) -> str:
    """Return the fingerprint of a stage's settings and of the digests of the files that it reads."""
    return fingerprint({"settings": first_names(settings), "inputs": inputs})


def open_scratch(
    folder: Path, name: str, settings: Mapping[str, Any], inputs: Mapping[str, str], *, guarded: bool
) -> Path:
    """Return the folder for the unfinished work of stage ``name`` in a run folder, which is there already or made.

    Work that was begun with other settings or inputs is thrown away, or, where it is ``guarded``, kept and refused.

    Raises:
        StaleError: there is guarded work of another origin; the message names what differs.
    """
    scratch = folder / FOLDER_NAME / name / scratch_identity(settings, inputs)[:16]
    origin = {"settings": settings, "inputs": inputs}
    for other in scratch.parent.glob("*"):
        if other != scratch:
            if guarded and (other / ORIGIN_NAME).exists():
                before = json.loads((other / ORIGIN_NAME).read_text(encoding="utf-8"))
                before["settings"] = current_names(before["settings"])
                changes = "; ".join(differences("", before, origin))
                raise StaleError(f"{other}: unfinished work of another origin ({changes}); --force throws it away")
            shutil.rmtree(other)
    scratch.mkdir(parents=True, exist_ok=True)
    with atomic_path(scratch / ORIGIN_NAME) as temporary:
        temporary.write_text(json.dumps(origin, indent=2) + "\n", encoding="utf-8")
    return scratch

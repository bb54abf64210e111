"""Names of settings in run folders, which earlier versions wrote differently.

``config.json``, the ledger and ``begun_with.json`` of a run folder hold settings. Folders of earlier versions are read
with the names of today. Folders of unfinished work and checkpoints hold fingerprints of settings. These are still
computed from the first names, so that such work is continued.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_TRAINING = {"decay": "lr_schedule", "decayed": "weight_decay_on"}
FIELDS: dict[tuple[str, ...], dict[str, str]] = {
    ("teacher", "training"): _TRAINING,
    ("supernet", "training"): _TRAINING,
    ("networks", "training"): _TRAINING,
    ("networks", "qat"): _TRAINING,
}
"""The section of a configuration → the first name of a field → its name today."""

DISTILL = {
    "kept": "cached",
    "together": "joint",
    "apart": "independent",
    "together or apart": "joint or independent",
}
"""Values of ``supernet.distill``, likewise."""

OPTIONAL_SECTIONS = ("task", "teacher")
"""Where fields without a value were not written."""

LATER_FIELDS: dict[str, Any] = {
    "code_folder": None,
    "metrics": [],
    "latency": [],
    "fixed_bits": "w8a8",
    "quantisation": {"observer": "minmax", "percentile": 99.9, "bias_correction": False, "recalibrate": True},
}
"""Fields that the first version did not have, with the values that mean what it did."""


def current_names(content: Mapping[str, Any]) -> dict[str, Any]:
    """Return a configuration, or the settings of a stage, with the names of today."""
    return _renamed(content, (), FIELDS, DISTILL)


def first_names(content: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of a stage as the first version wrote them, for fingerprints.

    Fields of later versions are left out at their defaults.
    """
    fields = {section: {new: old for old, new in names.items()} for section, names in FIELDS.items()}
    renamed = _renamed(content, (), fields, {new: old for old, new in DISTILL.items()})
    for section in OPTIONAL_SECTIONS:
        if isinstance(renamed.get(section), dict):
            renamed[section] = {name: value for name, value in renamed[section].items() if value is not None}
    return {name: value for name, value in renamed.items() if name not in LATER_FIELDS or value != LATER_FIELDS[name]}


def _renamed(
    content: Mapping[str, Any],
    section: tuple[str, ...],
    fields: Mapping[tuple[str, ...], Mapping[str, str]],
    distill: Mapping[str, str],
) -> dict[str, Any]:
    renamed = {}
    for name, value in content.items():
        if isinstance(value, Mapping):
            value = _renamed(value, (*section, name), fields, distill)
        elif (*section, name) == ("supernet", "distill"):
            value = distill.get(value, value)
        renamed[fields.get(section, {}).get(name, name)] = value
    return renamed

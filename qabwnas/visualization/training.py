"""Curves of trainings, from the events that ``--logs`` writes for TensorBoard."""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from plotly import graph_objects as go
from plotly.subplots import make_subplots

from qabwnas.errors import InputError
from qabwnas.io.numeric import shown
from qabwnas.visualization.axes import escaped
from qabwnas.visualization.style import SEQUENCE, layout

HIDDEN = ("steps per second",)
LOGARITHMIC = ("loss", "learning rate")
PANEL_HEIGHT = 280


class Curve(NamedTuple):
    """One value of one training: its steps and values, in order."""

    training: str
    value: str
    steps: list[int]
    values: list[float]


def plot_training(logs: str | os.PathLike[str]) -> go.Figure:
    """Return a figure with one panel per recorded value (loss, scores, learning rate), one curve per training.

    Args:
        logs: the folder that ``qabwnas run --logs`` wrote, or a folder in it.

    Raises:
        InputError: tensorboard is not installed, or the folder holds no events of trainings.
    """
    curves = [curve for curve in read_curves(Path(logs)) if curve.value not in HIDDEN]
    if not curves:
        raise InputError(f"{shown(os.fspath(logs))}: holds no events of trainings; `qabwnas run --logs` writes them")
    values = list(dict.fromkeys(curve.value for curve in curves))
    trainings = list(dict.fromkeys(curve.training for curve in curves))
    panels = make_subplots(rows=len(values), cols=1, shared_xaxes=True, vertical_spacing=0.06)
    panels.update_layout(layout("Training"))
    named: set[str] = set()
    for curve in curves:
        row = values.index(curve.value) + 1
        number = trainings.index(curve.training)
        line = go.Scatter(
            x=curve.steps, y=curve.values, mode="lines", name=escaped(curve.training), legendgroup=curve.training,
            showlegend=curve.training not in named,
            line={"color": SEQUENCE[number % len(SEQUENCE)], "dash": DASHES[number // len(SEQUENCE) % len(DASHES)]},
        )  # fmt: skip
        panels.add_trace(line, row=row, col=1)
        named.add(curve.training)
    for row, value in enumerate(values, start=1):
        is_positive = all(min(curve.values) > 0 for curve in curves if curve.value == value)
        scale = "log" if value in LOGARITHMIC and is_positive else "linear"
        panels.update_yaxes(title_text=escaped(value), type=scale, row=row, col=1)
    panels.update_xaxes(title_text="step", row=len(values), col=1)
    panels.update_layout(height=max(450, 100 + PANEL_HEIGHT * len(values)))
    return panels


DASHES = ("solid", "dash", "dot", "dashdot")


def read_curves(logs: Path) -> list[Curve]:
    """Return the curves of all trainings below a folder, in the order of their names.

    A training is named by its folder. Points that a continued training wrote again are read once.

    Raises:
        InputError: tensorboard is not installed.
    """
    if find_spec("tensorboard") is None:
        raise InputError("training curves need tensorboard: pip install 'qabwnas[logs]'")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    curves = []
    for folder in sorted({path.parent for path in logs.rglob("events.out.tfevents.*")}):
        events = EventAccumulator(str(folder), size_guidance={"scalars": 0})
        events.Reload()
        for value in events.Tags()["scalars"]:
            points = {event.step: event.value for event in events.Scalars(value)}
            name = folder.relative_to(logs).as_posix() if folder != logs else folder.name
            curves.append(Curve(name, value, sorted(points), [points[step] for step in sorted(points)]))
    return curves

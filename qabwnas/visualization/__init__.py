"""Figures of fronts, look-up tables and runs, as plotly figures; needs the extra ``plot``.

>>> from qabwnas.visualization import plot_pareto_front
>>> plot_pareto_front(front).show()

Every function returns a ``plotly.graph_objects.Figure``; :func:`.save_figure` writes one to a file.
"""

from __future__ import annotations

try:
    import plotly  # noqa: F401 - the message is better here than in the modules below
except ModuleNotFoundError as error:
    raise ModuleNotFoundError("qabwnas.visualization needs plotly: pip install 'qabwnas[plot]'") from error

from qabwnas.visualization.pareto_front import plot_pareto_front

__all__ = ["plot_pareto_front"]

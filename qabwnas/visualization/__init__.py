"""Figures of fronts, look-up tables and runs, as plotly figures; needs the extra ``plot``.

>>> from qabwnas.visualization import plot_pareto_front, save_figure
>>> plot_pareto_front(front).show()
>>> save_figure(plot_pareto_front(front), "front.html")

Every ``plot_`` function returns a ``plotly.graph_objects.Figure``, which notebooks show.
"""

from __future__ import annotations

try:
    import plotly  # noqa: F401 - the message is better here than in the modules below
except ModuleNotFoundError as error:
    raise ModuleNotFoundError("qabwnas.visualization needs plotly: pip install 'qabwnas[plot]'") from error

from qabwnas.visualization.candidates import plot_candidates
from qabwnas.visualization.choices import plot_choices
from qabwnas.visualization.latency import plot_latency
from qabwnas.visualization.nsr_heatmap import plot_nsr_heatmap
from qabwnas.visualization.parallel_coordinates import plot_parallel_coordinates
from qabwnas.visualization.pareto_front import plot_fronts, plot_pareto_front
from qabwnas.visualization.save import save_figure
from qabwnas.visualization.scores import plot_scores
from qabwnas.visualization.search_times import plot_search_times
from qabwnas.visualization.training import plot_training

__all__ = [
    "plot_candidates",
    "plot_choices",
    "plot_fronts",
    "plot_latency",
    "plot_nsr_heatmap",
    "plot_parallel_coordinates",
    "plot_pareto_front",
    "plot_scores",
    "plot_search_times",
    "plot_training",
    "save_figure",
]

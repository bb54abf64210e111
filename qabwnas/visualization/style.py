"""How figures look: the one place for colours, symbols and layout.

Colours are those of Okabe and Ito (2008), which people with any colour vision can tell apart. Each family of networks
has one colour and one symbol in all figures, so that no figure relies on colour alone. The exception is thousands of
points in 3-D, which are too small for symbols.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from plotly import graph_objects as go

from qabwnas.report.result import ADDED, BUDGET, CONTROL, MIXED, ONE_SHOT, TEACHER
from qabwnas.space import BitWidths

BLACK, ORANGE, SKY, GREEN = "#000000", "#E69F00", "#56B4E9", "#009E73"
YELLOW, BLUE, VERMILLION, PURPLE = "#F0E442", "#0072B2", "#D55E00", "#CC79A7"
GREY = "#8C8C8C"

SEQUENCE = (BLUE, ORANGE, GREEN, PURPLE, SKY, VERMILLION, YELLOW, BLACK)
"""Colours of things without a family, such as operations and blocks, in their order."""

SERIES = "cividis"
"""The colour scale of continuous values, also readable in grey and with any colour vision."""

SYMBOL_OF_MANY = "diamond"
"""The symbol of all points of a large front in 3-D. plotly draws it with 15 vertices, a square with 18, and a circle
with 69, and the number of vertices determines how long a picture takes."""

UNKNOWN, REFERENCE = "front", "reference"
"""The families of points whose bit widths are not known, and of networks that a caller names."""


class Style(NamedTuple):
    """Colour and symbol of a family; figures in 3-D have fewer symbols."""

    colour: str
    symbol: str
    symbol_3d: str


_STYLES = {
    MIXED: Style(BLUE, "circle", "circle"),
    UNKNOWN: Style(BLUE, "circle", "circle"),
    TEACHER: Style(BLACK, "star", "cross"),
    CONTROL: Style(BLACK, "star-open", "diamond-open"),
    BUDGET: Style(VERMILLION, "diamond", "diamond"),
    ADDED: Style(YELLOW, "hexagon", "square"),
    REFERENCE: Style(VERMILLION, "x", "x"),
    ONE_SHOT[0]: Style(SKY, "triangle-down", "square-open"),
    ONE_SHOT[1]: Style(GREEN, "triangle-left", "circle-open"),
}
_WEIGHT_COLOURS = {8: ORANGE, 6: SKY, 4: GREEN, 3: YELLOW}
_ACTIVATION_SYMBOLS = {8: ("square", "square"), 6: ("pentagon", "circle-open"), 4: ("triangle-up", "square-open")}
_OTHER_SYMBOL = ("triangle-right", "diamond-open")

_WIDTHS = re.compile(r"w\d+a\d+")


def style_of(family: str) -> Style:
    """Return the style of a family: a name of :mod:`qabwnas.report.result`, or bit widths such as ``w8a8``.

    The colour of homogeneous bit widths says the weights' bits, the symbol says the activations' bits.
    """
    if family in _STYLES:
        return _STYLES[family]
    if _WIDTHS.fullmatch(family):
        widths = BitWidths.parse(family)
        symbol, symbol_3d = _ACTIVATION_SYMBOLS.get(widths.activations, _OTHER_SYMBOL)
        return Style(_WEIGHT_COLOURS.get(widths.weights, PURPLE), symbol, symbol_3d)
    return _STYLES[REFERENCE]


def marker(family: str, size: float, *, in_3d: bool = False, one_of_many: bool = False) -> dict[str, Any]:
    """Return plotly's marker of a family; in 3-D, points that are one of many all have :data:`SYMBOL_OF_MANY`."""
    style = style_of(family)
    symbol = style.symbol if not in_3d else SYMBOL_OF_MANY if one_of_many else style.symbol_3d
    return {"color": style.colour, "symbol": symbol, "size": size}


def layout(title: str = "") -> dict[str, Any]:
    """Return the layout of all figures, for ``update_layout`` of a figure with panels."""
    return {
        "template": "plotly_white",
        "title": {"text": title, "font": {"size": 15}, "yref": "container", "y": 1, "yanchor": "top", "pad": {"t": 18}},
        "font": {"size": 13},
        "colorway": list(SEQUENCE),
        "legend": {"itemsizing": "constant"},
        "hoverlabel": {"align": "left"},
        "margin": {"l": 70, "r": 20, "t": 80 if title else 40, "b": 60},
    }


def figure(title: str = "") -> go.Figure:
    """Return an empty figure with the layout of all figures."""
    return go.Figure(layout=layout(title))


def note(shown: go.Figure, text: str) -> None:
    """Write a remark below the plot, at the left."""
    shown.add_annotation(
        text=text, xref="paper", yref="paper", x=0, y=0, yshift=-80, xanchor="left", showarrow=False, font={"size": 11}
    )
    shown.update_layout(margin={"b": 100})

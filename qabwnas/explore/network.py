"""The network of an answer, drawn block by block: operations with kernel and expansion, and bit widths."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dash import html

from qabwnas.explore.outcome import Explored

_MBCONV = re.compile(r"(fused_|se_)?k(\d+)e(\d+)")
_WIDTHS = re.compile(r"w(\d+)a(\d+)")
_KINDS = {"": "MBConv", "fused_": "fused MBConv", "se_": "MBConv with squeeze-and-excitation"}
WIDEST_EXPANSION = 6
"""The expansion of the widest bar; larger ones are as wide."""
MAX_KERNEL_COLOUR = 7


@dataclass(frozen=True)
class Layer:
    """One layer as it is drawn.

    Attributes:
        text: its name.
        title: what it is, in words.
        kernel, expansion: of an MBConv; 0 of other operations.
        widths: the bit widths of the layer, if layers have their own.
    """

    text: str
    title: str
    kernel: int = 0
    expansion: int = 0
    widths: str = ""


@dataclass(frozen=True)
class Candidate:
    """One block as it is drawn: its layers, and the bit widths of all of them, if they are known."""

    layers: tuple[Layer, ...]
    widths: str = ""


def read_candidate(description: str) -> Candidate:
    """Return what the description of a candidate says: ``k3e6 k5e3 w4a8``, ``k3e6/w4a4 skip/w8a8``, or any text.

    The description of an imported candidate is one layer, as it is.
    """
    words = description.split()
    widths = words.pop() if words and _WIDTHS.fullmatch(words[-1]) else ""
    layers = [_layer(word) for word in words]
    if not any(layer.kernel or layer.text == "skip" for layer in layers) and words:
        text = " ".join(words)
        return Candidate((Layer(text, text),), widths)
    return Candidate(tuple(layers), widths)


def _layer(word: str) -> Layer:
    name, _, widths = word.partition("/")
    found = _MBCONV.fullmatch(name)
    title = f"skip: the layer is left out{_at(widths)}" if name == "skip" else f"{name}{_at(widths)}"
    if found is None:
        return Layer(name, title, widths=widths)
    kernel, expansion = int(found[2]), int(found[3])
    kind = _KINDS[found[1] or ""]
    return Layer(
        name, f"{kind}, kernel {kernel}×{kernel}, expansion {expansion}{_at(widths)}", kernel, expansion, widths
    )


def _at(widths: str) -> str:
    return f", {widths_title(widths)}" if widths else ""


def widths_title(widths: str) -> str:
    """Return bit widths in words: ``4-bit weights, 8-bit activations``."""
    found = _WIDTHS.fullmatch(widths)
    return f"{found[1]}-bit weights, {found[2]}-bit activations" if found else widths


def draw_network(explored: Explored, choice: Mapping[str, int]) -> list[Any]:
    """Return the blocks of a choice in network order."""
    candidates = {block: read_candidate(explored.describe(block, number)) for block, number in choice.items()}
    return [_block(block, choice[block], candidate) for block, candidate in candidates.items()]


def _block(name: str, number: int, candidate: Candidate) -> Any:
    head = [html.Span(name, className="block-name", title=f"{name}: candidate {number}")]
    if candidate.widths:
        head.append(_badge(candidate.widths))
    layers = [_bar(layer) for layer in candidate.layers]
    return html.Div(
        [html.Div(head, className="block-head"), html.Div(layers, className="layers")],
        className="block",
        role="listitem",
    )


def _badge(widths: str) -> Any:
    found = _WIDTHS.fullmatch(widths)
    bits = min(int(found[1]), 8) if found else 8
    return html.Span(widths, className=f"bits bits-{bits}", title=widths_title(widths))


def _bar(layer: Layer) -> Any:
    if not layer.kernel:
        kind = "layer skipped" if layer.text == "skip" else "layer other"
        return html.Div(
            [html.Span(layer.text), *([_badge(layer.widths)] if layer.widths else [])],
            className=kind,
            title=layer.title,
        )
    share = min(layer.expansion, WIDEST_EXPANSION) / WIDEST_EXPANSION
    bar = html.Div(
        layer.text,
        className=f"layer kernel-{min(layer.kernel, MAX_KERNEL_COLOUR)}",
        style={"width": f"{40 + 60 * share:.0f}%"},
        title=layer.title,
    )
    return html.Div([bar, _badge(layer.widths)], className="with-bits") if layer.widths else bar

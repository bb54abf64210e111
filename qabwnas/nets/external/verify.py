"""Check on random images that the parts of a split teacher compute the same as the module.

Tracing follows one path through the code, and operators replace modules by their classes. Both can go wrong in
unexpected ways. So every part runs on the module's own feature maps, and its output is compared.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, fx, nn

from qabwnas.errors import InputError
from qabwnas.nets.external.user_module import class_name, error_text, evaluation_copy
from qabwnas.nets.network import Network
from qabwnas.space import Shape

TOLERANCE = 1e-4
"""Relative to the largest absolute value of a map: about a hundred times float32's rounding in deep parts."""
LOGITS = ""
WIDE = 4.0
"""One image has this many times the deviation of normalised images, so that activations reach their upper ends."""


@torch.no_grad()
def check_parts(
    module: nn.Module, borders: Sequence[str], pieces: Sequence[fx.GraphModule], network: Network, image: Shape
) -> None:
    """Raise unless every part of ``network`` gives the same as ``module``, which is not changed.

    ``pieces`` are the traced parts from which the network's parts were made. Two images go through the module together
    and one of them alone. The same goes through the parts: the two images contiguous, the single one with channels last
    in memory, as in training.

    Raises:
        InputError: the module does not run; its output for an image depends on the other images, or changes from call
            to call; or a part gives something else. The message names the module, or the part.
    """
    shape = (2, image.channels, image.height, image.width)
    images = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    images[0] *= WIDE
    both, one = _module_maps(module, borders, images), _module_maps(module, borders, images[:1])
    places = [*(f"border {name!r}" for name in borders), "the logits"]
    for place, joint, alone in zip(places, both, one, strict=True):
        if not _close(alone, joint[:1]):
            again = _module_maps(module, borders, images)[places.index(place)]
            why = "depends on the other images of its batch" if _close(again, joint) else "differs from call to call"
            raise InputError(f"{place}: what the teacher gives for an image {why}, {_distance(alone, joint[:1])}")
    parts = [network.stem, *network.blocks, network.head]
    for b, (place, part, piece) in enumerate(zip(places, parts, pieces, strict=True)):
        for maps, layout in ((both, torch.contiguous_format), (one, torch.channels_last)):
            entry = images[: len(maps[0])] if b == 0 else maps[b - 1]
            given = _run(part, entry, layout, place)
            if not _close(given, maps[b]):
                culprit = _culprit(module, piece, images[: len(entry)], _laid_out(entry, layout)) or "a rebuilt part"
                raise InputError(
                    f"{place}: the part up to it does not compute what the module does: {culprit} gives other values, "
                    f"{_distance(given, maps[b])}"
                )


def _module_maps(module: nn.Module, borders: Sequence[str], images: Tensor) -> list[Tensor]:
    """Return the outputs of the module at its borders, and its logits."""
    maps = _outputs(module, borders, images)
    return [*(maps[name] for name in borders), maps[LOGITS]]


def _outputs(module: nn.Module, paths: Sequence[str], images: Tensor) -> dict[str, Tensor]:
    """Return the outputs of submodules at their first call, by path, and the logits."""
    copied = evaluation_copy(module)
    found: dict[str, Tensor] = {}

    def keep(path: str) -> Callable[[nn.Module, Any, Any], None]:
        def hook(_module: nn.Module, _inputs: Any, output: Any) -> None:
            if isinstance(output, Tensor):
                found.setdefault(path, output.clone())  # later code may work in place

        return hook

    for path in paths:
        copied.get_submodule(path).register_forward_hook(keep(path))  # after the user's own hooks
    try:
        with torch.compiler.set_stance("force_eager"):
            found[LOGITS] = copied(images.clone())
    except Exception as error:  # the code is the user's
        sides = " × ".join(map(str, images.shape))
        raise InputError(f"the teacher does not run on images of {sides}: {error_text(error)}") from error
    return found


def _run(part: nn.Module, entry: Tensor, layout: torch.memory_format, place: str) -> Tensor:
    try:
        given: Tensor = part(_laid_out(entry, layout))
    except Exception as error:  # a part may contain modules of the user's code that are called as they are
        lying = "channels last in memory" if layout is torch.channels_last else "contiguous in memory"
        raise InputError(
            f"{place}: the part up to it does not run on maps of {' × '.join(map(str, entry.shape))} that lie {lying}: "
            f"{error_text(error)}"
        ) from error
    return given


def _laid_out(maps: Tensor, layout: torch.memory_format) -> Tensor:
    return maps.clone(memory_format=layout) if maps.ndim == 4 else maps.clone()


def _close(given: Tensor, expected: Tensor) -> bool:
    if given.shape != expected.shape:
        return False
    both_nan = given.isnan() & expected.isnan()
    off = (given.double() - expected.double()).masked_fill(both_nan | (given == expected), 0).abs().amax()
    return bool(off <= TOLERANCE * _largest(expected))


def _largest(maps: Tensor) -> float:
    finite = maps.double().nan_to_num(0, 0, 0)
    return float(finite.abs().amax())


def _distance(given: Tensor, expected: Tensor) -> str:
    if given.shape != expected.shape:
        return f"of the shape {tuple(given.shape)} in place of {tuple(expected.shape)}"
    off = float((given.double() - expected.double()).abs().amax())
    return f"by up to {off:.2g} where the largest is {_largest(expected):.2g}"


def _culprit(module: nn.Module, piece: fx.GraphModule, images: Tensor, entry: Tensor) -> str | None:
    """Return the first module of a traced part whose output there differs from that in the module itself."""
    here = _Outputs(piece)
    here.run(entry)
    expected = _outputs(module, list(here.given), images)
    for path, given in here.given.items():
        if path in expected and not _close(given, expected[path]):
            return f"{path} ({class_name(module.get_submodule(path))})"
    return None


class _Outputs(fx.Interpreter):
    """Keeps the output of each module at its first call."""

    def __init__(self, piece: fx.GraphModule) -> None:
        super().__init__(piece)
        self.given: dict[str, Tensor] = {}

    def run_node(self, n: fx.Node) -> Any:
        value = super().run_node(n)
        for path in n.meta.get("outputs_of", ()):
            if isinstance(value, Tensor):
                self.given.setdefault(path, value.clone())
        return value

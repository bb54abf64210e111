"""Operations: the choices in one layer, by name.

An operation is a value: the dotted path of the class that builds and counts it
(:class:`qabwnas.costs.operation_type.OperationType`), and the arguments of that class. The class is imported when a
module or costs are needed and not before, so a search over a LUT needs no code of its operations.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from qabwnas.errors import InputError

_PACKAGE = "qabwnas"
MBCONV, FUSED_MBCONV, SE_MBCONV, SKIPPED = (
    f"qabwnas.nets.operations.{name}"
    for name in ("MBConvType", "FusedMBConvType", "SqueezeExciteMBConvType", "SkipType")
)
PREFIXES = {"": MBCONV, "fused_": FUSED_MBCONV, "se_": SE_MBCONV}
"""What a name of a built-in operation begins with; a kernel and an expansion follow, as in ``se_k5e6``."""

_BUILT_IN = re.compile(rf"({'|'.join(PREFIXES)})k(\d+)e(\d+)")
_OF_USER = re.compile(r"(?P<path>[^\W\d]\w*(?:\.[^\W\d]\w*)+)(?P<arguments>(?::[\w.+-]+)*)")

Argument = int | float | str


@dataclass(frozen=True)
class Operation:
    """One choice in one layer.

    Attributes:
        path: of its class, ``package.Class``.
        arguments: of the class: whole numbers, decimal numbers or words.
    """

    path: str
    arguments: tuple[Argument, ...] = ()

    @property
    def is_skip(self) -> bool:
        return self.path == SKIPPED

    @property
    def is_own(self) -> bool:
        """Whether its class is one of the user."""
        return not self.path.startswith(f"{_PACKAGE}.")

    @property
    def name(self) -> str:
        """The name of the operation, without spaces.

        - ``k5e6``: an MBConv (inverted residual) of kernel 5 and expansion 6;
        - ``fused_k3e4``: a fused MBConv; ``se_k5e6``: an MBConv with squeeze-and-excitation;
        - ``skip``: the layer is left out;
        - ``package.Class:3:0.5``: the class of a user, with its arguments.
        """
        if self.is_skip:
            return "skip"
        for prefix, path in PREFIXES.items():
            if self.path == path:
                return f"{prefix}k{self.arguments[0]}e{self.arguments[1]}"
        return ":".join([self.path, *map(str, self.arguments)])

    @classmethod
    def parse(cls, name: str) -> Operation:
        """Return the operation of that :attr:`name`. Whether the class exists is not checked.

        Raises:
            InputError: ``name`` has none of these forms, a kernel is even, or a number is 0.
        """
        if name == "skip":
            return SKIP
        if match := _BUILT_IN.fullmatch(name):
            kernel, expansion = int(match[2]), int(match[3])
            if kernel % 2 == 0:
                raise InputError(f"{name}: the kernel {kernel} is not odd")
            if expansion == 0:
                raise InputError(f"{name}: the expansion is 0")
            return cls(PREFIXES[match[1]], (kernel, expansion))
        match = _OF_USER.fullmatch(name)
        if match is None or not cls(match["path"]).is_own:
            raise InputError(
                f"operation {name!r} is neither 'skip' nor of the form 'k5e6', 'fused_k5e6' or 'se_k5e6', "
                "nor a class and its arguments: 'package.Class:3:6'"
            )
        return cls(match["path"], tuple(map(_argument, match["arguments"].split(":")[1:])))


SKIP = Operation(SKIPPED)


def mbconv(kernel: int, expansion: int) -> Operation:
    """Return the MBConv with an odd ``kernel``; ``expansion`` multiplies the input channels of its layer."""
    return Operation(MBCONV, (kernel, expansion))


def mbconvs(kernels: Iterable[int], expansions: Iterable[int]) -> tuple[Operation, ...]:
    """Return every MBConv of ``kernels`` × ``expansions``, kernels slowest."""
    expansions = tuple(expansions)
    return tuple(mbconv(kernel, expansion) for kernel in kernels for expansion in expansions)


def _argument(text: str) -> Argument:
    if re.fullmatch(r"[+-]?\d+", text):
        return int(text)
    return float(text) if re.fullmatch(r"[+-]?\d+(\.\d+)?(e[+-]?\d+)?", text) else text

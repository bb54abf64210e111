"""Whether a module computes exactly what a class of torch does, so that its code need not be looked at."""

from __future__ import annotations

from torch import nn

from qabwnas.quant.depthwise import DepthwiseConv2d
from qabwnas.quant.pointwise import PointwiseConv2d

OURS: dict[type, type[nn.Module]] = {DepthwiseConv2d: nn.Conv2d, PointwiseConv2d: nn.Conv2d}
OF_EVERY_CLASS = set(vars(type("", (), {})))
NO_COMPUTATION = {"__init__", "__repr__", "extra_repr", "reset_parameters", "__constants__", *OF_EVERY_CLASS}
"""What a derived class may redefine without a change to what it computes."""


def torch_class(module: nn.Module) -> type[nn.Module] | None:
    """Return the class of torch that says all of what ``module`` computes; ``None`` where other code has a part in it.

    A class derived from one of torch's counts as it, if it only adds to it. Other code is a method or property that the
    derived class redefines, a method that was replaced in the instance, or a forward hook, as ``weight_norm`` and
    pruning use it. A parametrised module has a class of its own in torch.
    """
    if _has_hooks(module) or _has_methods(module):
        return None
    for derived in type(module).__mro__:
        if derived in OURS:
            return OURS[derived]
        if derived.__module__.startswith(("torch.nn.", "torch.ao.nn.")):
            return derived if derived is not nn.Module else None
        if any(_changes(name, value, derived) for name, value in vars(derived).items()):
            return None
    return None


def _has_hooks(module: nn.Module) -> bool:
    return bool(module._forward_hooks or module._forward_pre_hooks)


def _has_methods(module: nn.Module) -> bool:
    return any(callable(getattr(type(module), name, None)) for name in vars(module))


def _changes(name: str, value: object, derived: type) -> bool:
    """Return whether something that a class defines can change what classes before it compute."""
    if name in NO_COMPUTATION:
        return False
    return isinstance(value, property) or any(name in vars(base) for base in derived.__mro__[1:])


def class_name(module: nn.Module) -> str:
    """Return how messages call what a module is: ``NormAct, derived from BatchNorm2d``, with what was added to it."""
    kind = type(module)
    base = next(c for c in kind.__mro__ if c.__module__.startswith(("torch.", "torch.ao.")))
    name = kind.__name__ if kind is base or base is nn.Module else f"{kind.__name__}, derived from {base.__name__}"
    if _has_hooks(module):
        return f"{name} with a forward hook"
    return f"{name} with a method of its own" if _has_methods(module) else name

"""What a user's module is: whether it computes exactly what a class of torch does; its copies, wrappers and errors."""

from __future__ import annotations

import copy
import sys

import torch
from torch import Tensor, fx, nn

from qabwnas.errors import InputError
from qabwnas.quant.convolutions import DepthwiseConv2d, PointwiseConv2d

OURS: dict[type, type[nn.Module]] = {DepthwiseConv2d: nn.Conv2d, PointwiseConv2d: nn.Conv2d}
OF_EVERY_CLASS = set(vars(type("", (), {})))
NO_COMPUTATION = {"__init__", "__repr__", "extra_repr", "reset_parameters", "__constants__", *OF_EVERY_CLASS}
"""A derived class may redefine these without changing what it computes."""


class NotRunError(Exception):
    """A module or function does not run on tensors without data, of the shapes that it would get."""


def torch_class(module: nn.Module) -> type[nn.Module] | None:
    """Return the class of torch that determines all of what ``module`` computes; ``None`` if other code takes part.

    A class derived from one of torch's counts as that class if it only adds to it. Other code is a method or property
    that the derived class redefines, a method that was replaced in the instance, or a forward hook, as ``weight_norm``
    and pruning use it. A parametrised module has a class of its own in torch.
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


def is_wrapper(module: nn.Module) -> bool:
    """Return whether a module only runs another one: compiled, or on several devices or processes."""
    return _is_compiled(module) or isinstance(module, (nn.DataParallel, nn.parallel.DistributedDataParallel))


def _is_compiled(module: nn.Module) -> bool:
    """Return whether ``torch.compile`` made a module; without importing its code, which takes a second."""
    return "torch._dynamo" in sys.modules and isinstance(module, torch._dynamo.OptimizedModule)


def _has_hooks(module: nn.Module) -> bool:
    return bool(module._forward_hooks or module._forward_pre_hooks)


def _has_methods(module: nn.Module) -> bool:
    return any(callable(getattr(type(module), name, None)) for name in vars(module))


def _changes(name: str, value: object, derived: type) -> bool:
    """Return whether a definition in a class can change what its base classes compute."""
    if name in NO_COMPUTATION:
        return False
    return isinstance(value, property) or any(name in vars(base) for base in derived.__mro__[1:])


def class_name(module: nn.Module) -> str:
    """Return the class of a module for messages: ``NormAct, derived from BatchNorm2d``, and what was added to it."""
    kind = type(module)
    base = next(c for c in kind.__mro__ if c.__module__.startswith(("torch.", "torch.ao.")))
    name = kind.__name__ if kind is base or base is nn.Module else f"{kind.__name__}, derived from {base.__name__}"
    if _has_hooks(module):
        return f"{name} with a forward hook"
    return f"{name} with a method of its own" if _has_methods(module) else name


def evaluation_copy(module: nn.Module) -> nn.Module:
    """Return a copy in evaluation mode, without the hooks of backward passes.

    Raises:
        InputError: it cannot be copied.
    """
    # deepcopy refuses tensors that were computed from parameters, as weight_norm leaves them.
    computed = [
        value
        for part in module.modules()
        for value in vars(part).values()
        if isinstance(value, Tensor) and not value.is_leaf
    ]
    try:
        copied = copy.deepcopy(module, {id(value): value.detach().clone() for value in computed})
    except (TypeError, RuntimeError, AttributeError, copy.Error) as error:
        raise InputError(f"the teacher cannot be copied: {error_text(error)}") from error
    for part in copied.modules():
        part._backward_hooks.clear()
        part._backward_pre_hooks.clear()
    return copied.eval()


def unwrapped(module: nn.Module) -> nn.Module:
    """Return the module inside the wrappers of ``torch.compile`` and data parallelism, which computes the same."""
    while is_wrapper(module):
        module = wrapped_module(module)
    return module


def wrapped_module(wrapper: nn.Module) -> nn.Module:
    """Return the module directly inside a wrapper."""
    name = "_orig_mod" if _is_compiled(wrapper) else "module"
    return wrapper.get_submodule(name)


def error_text(error: BaseException) -> str:
    """Return the message of an error of torch or of the user's code in one line."""
    text = " ".join(str(error).split())
    kind = "" if isinstance(error, (fx.proxy.TraceError, NotRunError)) else f"{type(error).__name__}: "
    return (kind + text).rstrip(": ") or type(error).__name__

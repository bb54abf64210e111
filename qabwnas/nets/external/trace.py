"""Tracing of a user's module by torch.fx (Reed et al., MLSys 2022), although it was not written to be traced.

If torch.fx cannot follow the code of a submodule (:mod:`~qabwnas.nets.external.tracer`), tracing starts again and calls
this submodule as it is. This works if its code depends on shapes alone.
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence

import torch
from torch import nn

from qabwnas.errors import InputError
from qabwnas.nets.external.tracer import PREFIX, Traced, Tracer, described, user_path
from qabwnas.nets.external.user_module import error_text
from qabwnas.space import Shape


def trace(module: nn.Module, borders: Sequence[str], image: Shape) -> Traced:
    """Trace a module on a batch of images, its code in evaluation mode. The module itself is not changed.

    Raises:
        InputError: a border is no submodule; the module cannot be copied; it takes or gives more than one tensor; or
            its code, or the code of a module that has a border inside, cannot be traced. The message names the module.
    """
    names = {name for name, _ in module.named_modules(remove_duplicate=False)}
    for name in borders:
        if name not in names or not name:
            raise InputError(f"border {name!r}: the teacher has no module of that name")
    _check_inputs(module)
    opaque: dict[str, str] = {}  # path of a module that is called as it is → the reason
    while True:
        tracer = Tracer(module, borders, opaque, image)
        try:
            return tracer.run()
        except InputError:
            raise
        except Exception as error:  # the user's code may raise anything when it gets symbols in place of tensors
            place = tracer.inside[-1]
            reason = opaque.get(place, f"{error_text(error)} (in {described(module, place)})")
            # If calling a module as it is does not help, the cause may be in the module around it.
            outer = next(path for path in reversed(tracer.inside) if path not in opaque)
            if outer == PREFIX or _holds_border(module, outer, borders):
                raise InputError(f"the teacher cannot be traced by torch.fx: {reason}") from error
            opaque[outer] = reason


def _check_inputs(module: nn.Module) -> None:
    if isinstance(module, torch.jit.ScriptModule):
        raise InputError(
            "the teacher is a ScriptModule, whose code cannot be traced; give the module that torch.jit was given"
        )
    signature = inspect.signature(module.forward)
    try:
        signature.bind(None)
    except TypeError:
        needed = [p.name for p in signature.parameters.values() if p.default is p.empty]
        raise InputError(
            f"the teacher takes {len(needed)} inputs ({', '.join(needed)}) instead of one batch of images; "
            "modules with several inputs do not fit"
        ) from None


def _holds_border(module: nn.Module, path: str, borders: Sequence[str]) -> bool:
    outer = module.get_submodule(user_path(path))
    inner = {id(part) for part in outer.modules() if part is not outer}
    return any(id(module.get_submodule(name)) in inner for name in borders)

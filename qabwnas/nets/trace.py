"""Tracing of modules that were not written to be traced, by torch.fx (Reed et al., MLSys 2022).

Beside torch.fx's own way, every traced value knows what it would be for images without data: shapes, sizes and types.
Assertions about shapes, branches on them and look-ups by them therefore work, and the values stay symbolic where they
are used in computing. Where torch.fx cannot follow a module's code, and that code looks at shapes alone, the module is
called as it is.
"""

from __future__ import annotations

import copy
import functools
import inspect
import itertools
import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, fx, nn

from qabwnas.errors import InputError
from qabwnas.nets.part_shapes import without_data
from qabwnas.nets.torch_class import class_name, torch_class
from qabwnas.space import Shape

TRACED_IMAGES = 2  # more than one, so that nothing is broadcast or squeezed that would not be in other batches
PREFIX = "teacher"  # the place of the module in the one that is traced
WRAPPERS = (torch._dynamo.OptimizedModule, nn.DataParallel, nn.parallel.DistributedDataParallel)
SIZES = (int, float, torch.Size, torch.dtype, torch.device)


class Traced:
    """A traced module.

    Attributes:
        module: the copy of the module, in evaluation mode, that the graph's nodes name the parts of.
        graph: from images to logits. ``node.meta["module"]`` is path and class of the submodule whose code made a node,
            ``node.meta["outputs_of"]`` the paths of the modules whose output it is.
        given: the nodes or other values that each border gave, by its name, a list entry for each call.
    """

    def __init__(self, module: nn.Module, graph: fx.Graph, given: dict[str, list[Any]]) -> None:
        self.module = module
        self.graph = graph
        self.given = given


def trace(module: nn.Module, borders: Sequence[str], image: Shape) -> Traced:
    """Trace a module on a batch of images, its code in evaluation mode; it is left as it is.

    Raises:
        InputError: a border is no submodule; the module cannot be copied; it takes or gives more than one tensor; or
            its code, or that of a module which has a border inside, cannot be traced. The message names the module.
    """
    names = {name for name, _ in module.named_modules(remove_duplicate=False)}
    for name in borders:
        if name not in names or not name:
            raise InputError(f"border {name!r}: the teacher has no module of that name")
    _check_inputs(module)
    opaque: dict[str, str] = {}  # paths of modules that are called as they are, and why
    while True:
        tracer = _Tracer(module, borders, opaque, image)
        try:
            return tracer.run()
        except InputError:
            raise
        except Exception as error:  # the user's code may raise anything when it meets symbols in place of tensors
            place = tracer.inside[-1]
            reason = opaque.get(place, f"{error_text(error)} (in {_described(module, place)})")
            # Where calling a module as it is does not help, the one around it may have led there.
            outer = next(path for path in reversed(tracer.inside) if path not in opaque)
            if outer == PREFIX or _holds_border(module, outer, borders):
                raise InputError(f"the teacher cannot be traced by torch.fx: {reason}") from error
            opaque[outer] = reason


def evaluation_copy(module: nn.Module) -> nn.Module:
    """Return a copy in evaluation mode, without the hooks of backward passes.

    Raises:
        InputError: it cannot be copied.
    """
    # Tensors that were computed from parameters, as weight_norm leaves them, are refused by deepcopy.
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
    """Return what is inside the wrappers of ``torch.compile`` and of data parallelism, which compute the same."""
    while isinstance(module, WRAPPERS):
        module = _inner(module)
    return module


def _inner(wrapper: nn.Module) -> nn.Module:
    name = "_orig_mod" if isinstance(wrapper, torch._dynamo.OptimizedModule) else "module"
    return wrapper.get_submodule(name)


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
            f"the teacher takes {len(needed)} inputs ({', '.join(needed)}) instead of one batch of images"
        ) from None


def error_text(error: BaseException) -> str:
    """Return the message of an error of torch or of the user's code in one line."""
    text = " ".join(str(error).split())
    kind = "" if isinstance(error, (fx.proxy.TraceError, _NotRunError)) else f"{type(error).__name__}: "
    return (kind + text).rstrip(": ") or type(error).__name__


def _described(module: nn.Module, path: str) -> str:
    if path == PREFIX:
        return f"its own code, {class_name(module)}"
    name = _user_path(path)
    return f"module {name!r} of class {class_name(module.get_submodule(name))}"


def _holds_border(module: nn.Module, path: str, borders: Sequence[str]) -> bool:
    outer = module.get_submodule(_user_path(path))
    inner = {id(part) for part in outer.modules() if part is not outer}
    return any(id(module.get_submodule(name)) in inner for name in borders)


class _Shell(nn.Module):
    """Calls the module with images alone, so that its hooks and defaults count; torch.fx passes over a root's own."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.add_module(PREFIX, module)

    def forward(self, images: Tensor) -> Tensor:
        answer: Any = self.get_submodule(PREFIX)(images)
        kind = type(answer.known if isinstance(answer, _Proxy) else answer)
        if not isinstance(answer, _Proxy) or kind in (tuple, list, dict):
            keys = f" of {', '.join(map(str, answer))}" if isinstance(answer, dict) else ""
            raise InputError(
                f"the teacher gives something else than one tensor of logits: {kind.__name__}{keys}; "
                "wrap it in a module that returns the logits alone"
            )
        return answer  # type: ignore[return-value]  # a symbol of it


class _Proxy(fx.Proxy):
    """A traced value that knows what it would be for images without data."""

    known: Any = None

    def __getattr__(self, name: str) -> Any:
        if callable(getattr(self.known, name)):  # raises where there is none of that name
            return super().__getattr__(name)
        return self.tracer.create_proxy("call_function", getattr, (self, name), {})

    def __bool__(self) -> bool:
        return bool(self.known) if self._is_plain() else super().__bool__()

    def __iter__(self) -> Iterator[Any]:
        if isinstance(self.known, (tuple, list)):
            return iter([self[i] for i in range(len(self.known))])
        return super().__iter__()

    def __len__(self) -> int:
        return len(self.known)

    def __getitem__(self, key: Any) -> Any:
        return self.tracer.create_proxy("call_function", operator.getitem, (self, key), {})

    def __contains__(self, item: object) -> bool:
        return any(value == item for value in iter(self))

    def __index__(self) -> int:
        if isinstance(self.known, int):
            return self.known
        raise TypeError("a value that depends on the images is used as a number")

    def __int__(self) -> int:
        return int(self._number())

    def __float__(self) -> float:
        return float(self._number())

    def __hash__(self) -> int:
        return hash(self.known) if self._is_plain() else id(self)

    def _number(self) -> float:
        if isinstance(self.known, (int, float)):
            return self.known
        raise TypeError("a value that depends on the images is used as a number")

    def _is_plain(self) -> bool:
        return not isinstance(self.known, Tensor)


class _Tracer(fx.Tracer):
    def __init__(self, module: nn.Module, borders: Sequence[str], opaque: Mapping[str, str], image: Shape) -> None:
        super().__init__()
        self._shell = _Shell(evaluation_copy(module))
        self._empty = without_data(self._shell)
        self._image = torch.empty((TRACED_IMAGES, image.channels, image.height, image.width), device="meta")
        self._opaque = opaque
        self._evaluates = False
        self._given: dict[str, list[Any]] = {name: [] for name in borders}
        self.inside: list[str] = [PREFIX]

    def run(self) -> Traced:
        module = self._shell.get_submodule(PREFIX)
        graph = self.trace(self._shell)
        for node in reversed(graph.nodes):
            if not node.users and isinstance(node.meta.get("known"), SIZES):
                graph.erase_node(node)  # only an assertion or a branch looked at it
        for name, value in vars(self._shell).items():
            if isinstance(value, Tensor):
                setattr(module, name, value)  # a constant that torch.fx has put there
        return Traced(module, graph, self._given)

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        if module_qualified_name in self._opaque or isinstance(m, torch.jit.ScriptModule):
            return True
        kind = torch_class(m)
        if kind is None or module_qualified_name == PREFIX or isinstance(m, WRAPPERS):
            return False
        return not issubclass(kind, nn.Sequential)

    def call_module(
        self, m: nn.Module, forward: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        if self._evaluates:
            return forward(*args, **kwargs)
        path = self.submodule_paths.get(m) if self.submodule_paths else None
        if path is None:
            raise InputError(
                f"the teacher cannot be traced: {_described(self._shell.get_submodule(PREFIX), self.inside[-1])} calls "
                f"a {type(m).__name__} that is none of its submodules, so that its weights are in no state_dict"
            )
        depth = len(self.inside)
        if path in self._opaque or not self.is_leaf_module(m, path):
            self.inside.append(path)
        output = super().call_module(m, _inner(m) if isinstance(m, WRAPPERS) else forward, args, kwargs)
        del self.inside[depth:]  # an error leaves it as it is, so that its place is known
        if isinstance(output, _Proxy):
            output.node.meta.setdefault("outputs_of", []).append(_user_path(path))
        for name, outputs in self._given.items():
            if self._shell.get_submodule(f"{PREFIX}.{name}") is m:
                outputs.append(output)
        return output

    def getattr(self, attr: str, attr_val: Any, parameter_proxy_cache: dict[str, Any]) -> Any:
        return attr_val if self._evaluates else super().getattr(attr, attr_val, parameter_proxy_cache)

    def get_fresh_qualname(self, prefix: str) -> str:
        places = (self._shell, self._shell.get_submodule(PREFIX))  # both become one
        return next(name for i in itertools.count() if not any(hasattr(p, name := f"{prefix}{i}") for p in places))

    def proxy(self, node: fx.Node) -> _Proxy:
        return _Proxy(node, self)

    def create_node(self, kind: str, target: Any, *args: Any, **kwargs: Any) -> fx.Node:
        if kind in ("call_module", "get_attr"):
            target = _user_path(target)
        node = super().create_node(kind, target, *args, **kwargs)
        path = _user_path(self.inside[-1])
        if path:
            node.meta["module"] = f"{path} ({class_name(self._shell.get_submodule(self.inside[-1]))})"
        return node

    def create_proxy(self, kind: str, target: Any, args: Any, kwargs: Any, *rest: Any, **named: Any) -> Any:
        if kind == "call_method" and _is_tensor(args[0]):
            if target == "view" and not isinstance(args[1], torch.dtype):
                target = "reshape"  # the same, and also possible where maps lie channels last in memory
            elif target in ("to", "cpu", "cuda", "float"):
                dtype = _wanted_type(target, args[1:], kwargs)
                if dtype is None or dtype == args[0].known.dtype:
                    return args[0].clone() if kwargs.get("copy") else args[0]
                target, args, kwargs = "to", (args[0], dtype), {}
        proxy: Any = super().create_proxy(kind, target, args, kwargs, *rest, **named)
        proxy.known = proxy.node.meta["known"] = self._evaluate(kind, target, args, kwargs)
        return proxy

    def _evaluate(self, kind: str, target: Any, args: Any, kwargs: Any) -> Any:
        """Return what a node gives for images without data."""
        if kind == "placeholder":
            return self._image
        self._evaluates = True
        try:
            with torch.no_grad():
                return self._result(kind, target, *fx.node.map_aggregate((args, kwargs), _known))
        except Exception as error:  # a module that is called as it is may hold the user's code
            what = _user_path(target) if kind == "call_module" else getattr(target, "__name__", target)
            shapes = [tuple(value.known.shape) for value in args if _is_tensor(value)]
            of = f"a tensor of the shape {shapes[0]}" if len(shapes) == 1 else f"tensors of the shapes {shapes}"
            raise _NotRunError(f"{what} does not run on {of}: {error_text(error)}") from error
        finally:
            self._evaluates = False

    def _result(self, kind: str, target: Any, args: Any, kwargs: Any) -> Any:
        if kind == "call_module":
            return self._empty.get_submodule(target)(*args, **kwargs)
        if kind == "get_attr":
            return _known(functools.reduce(getattr, target.split("."), self._shell))
        if kind == "call_method":
            return getattr(args[0], target)(*args[1:], **kwargs)
        return target(*args, **kwargs)


class _NotRunError(Exception):
    """A module or function does not run on tensors without data, of the shapes that it would be given."""


def _known(value: Any) -> Any:
    """Return what a symbol stands for, without data."""
    if isinstance(value, _Proxy):
        return value.known
    if isinstance(value, fx.Proxy):
        raise TypeError("a method of a tensor is used as a value")
    return value.to("meta") if isinstance(value, Tensor) else value


def _is_tensor(value: Any) -> bool:
    return isinstance(value, _Proxy) and isinstance(value.known, Tensor)


def _wanted_type(method: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> torch.dtype | None:
    """Return the type that a method makes a tensor of, ``None`` for its own.

    The device that it may name is no matter: all of a teacher is on the one where it is needed.
    """
    if method != "to":
        return torch.float32 if method == "float" else None
    named = {name: value for name, value in kwargs.items() if name != "memory_format"}
    known_args, known_named = fx.node.map_aggregate((args, named), _known)
    dtype: torch.dtype | None = torch._C._nn._parse_to(*known_args, **known_named)[1]
    return dtype


def _user_path(path: str) -> str:
    return path.removeprefix(PREFIX).removeprefix(".")

"""A tracer of torch.fx that knows, for every traced value, what it is for images without data.

Shapes, sizes and types are known, in addition to torch.fx's symbols. Assertions about shapes, branches on them and
look-ups by them therefore work, and values stay symbolic where they are computed with.
"""

from __future__ import annotations

import functools
import itertools
import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, fx, nn

from qabwnas.errors import InputError
from qabwnas.nets.external.shapes import without_data
from qabwnas.nets.external.user_module import (
    NotRunError,
    class_name,
    error_text,
    evaluation_copy,
    is_wrapper,
    torch_class,
    wrapped_module,
)
from qabwnas.space import Shape

TRACED_IMAGES = 2  # more than one, so that nothing is broadcast or squeezed that would not be in other batches
PREFIX = "teacher"  # the place of the user's module in the module that is traced
SIZES = (int, float, torch.Size, torch.dtype, torch.device)


class Traced:
    """A traced module.

    Attributes:
        module: the copy of the module, in evaluation mode, whose parts the graph's nodes name.
        graph: from images to logits. ``node.meta["module"]`` is the path and class of the submodule whose code made a
            node, ``node.meta["outputs_of"]`` the paths of the modules that have the node as output.
        given: the outputs of each border by its name, one entry per call: nodes or other values.
    """

    def __init__(self, module: nn.Module, graph: fx.Graph, given: dict[str, list[Any]]) -> None:
        self.module = module
        self.graph = graph
        self.given = given


class Tracer(fx.Tracer):
    """Traces a module once; ``opaque`` modules are called as they are.

    Attributes:
        inside: the paths of the modules whose code runs, outermost first; after an error, the place of the error.
    """

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
                graph.erase_node(node)  # only an assertion or a branch used it
        for name, value in vars(self._shell).items():
            if isinstance(value, Tensor):
                setattr(module, name, value)  # a constant that torch.fx put there
        return Traced(module, graph, self._given)

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        if module_qualified_name in self._opaque or isinstance(m, torch.jit.ScriptModule):
            return True
        kind = torch_class(m)
        if kind is None or module_qualified_name == PREFIX or is_wrapper(m):
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
                f"the teacher cannot be traced: {described(self._shell.get_submodule(PREFIX), self.inside[-1])} calls "
                f"a {type(m).__name__} that is not one of its submodules, so that its weights are in no state_dict"
            )
        depth = len(self.inside)
        if path in self._opaque or not self.is_leaf_module(m, path):
            self.inside.append(path)
        output = super().call_module(m, wrapped_module(m) if is_wrapper(m) else forward, args, kwargs)
        del self.inside[depth:]  # an error leaves the list as it is, so that its place is known
        if isinstance(output, _Proxy):
            output.node.meta.setdefault("outputs_of", []).append(user_path(path))
        for name, outputs in self._given.items():
            if self._shell.get_submodule(f"{PREFIX}.{name}") is m:
                outputs.append(output)
        return output

    def getattr(self, attr: str, attr_val: Any, parameter_proxy_cache: dict[str, Any]) -> Any:
        return attr_val if self._evaluates else super().getattr(attr, attr_val, parameter_proxy_cache)

    def get_fresh_qualname(self, prefix: str) -> str:
        places = (self._shell, self._shell.get_submodule(PREFIX))  # both become one module
        return next(name for i in itertools.count() if not any(hasattr(p, name := f"{prefix}{i}") for p in places))

    def proxy(self, node: fx.Node) -> _Proxy:
        return _Proxy(node, self)

    def create_node(self, kind: str, target: Any, *args: Any, **kwargs: Any) -> fx.Node:
        if kind in ("call_module", "get_attr"):
            target = user_path(target)
        node = super().create_node(kind, target, *args, **kwargs)
        path = user_path(self.inside[-1])
        if path:
            node.meta["module"] = f"{path} ({class_name(self._shell.get_submodule(self.inside[-1]))})"
        return node

    def create_proxy(self, kind: str, target: Any, args: Any, kwargs: Any, *rest: Any, **named: Any) -> Any:
        if kind == "call_method" and _is_tensor(args[0]):
            if target == "view" and not isinstance(args[1], torch.dtype):
                target = "reshape"  # the same, and also possible for maps with channels last in memory
            elif target in ("to", "cpu", "cuda", "float"):
                dtype = _wanted_type(target, args[1:], kwargs)
                if dtype is None or dtype == args[0].known.dtype:
                    return args[0].clone() if kwargs.get("copy") else args[0]
                target, args, kwargs = "to", (args[0], dtype), {}
        proxy: Any = super().create_proxy(kind, target, args, kwargs, *rest, **named)
        proxy.known = proxy.node.meta["known"] = self._evaluate(kind, target, args, kwargs)
        return proxy

    def _evaluate(self, kind: str, target: Any, args: Any, kwargs: Any) -> Any:
        """Return the value of a node for images without data."""
        if kind == "placeholder":
            return self._image
        self._evaluates = True
        try:
            with torch.no_grad():
                return self._result(kind, target, *fx.node.map_aggregate((args, kwargs), _known))
        except Exception as error:  # a module that is called as it is may contain the user's code
            what = user_path(target) if kind == "call_module" else getattr(target, "__name__", target)
            shapes = [tuple(value.known.shape) for value in args if _is_tensor(value)]
            of = f"a tensor of the shape {shapes[0]}" if len(shapes) == 1 else f"tensors of the shapes {shapes}"
            raise NotRunError(f"{what} does not run on {of}: {error_text(error)}") from error
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


class _Shell(nn.Module):
    """Calls the module with images alone, so that its hooks and defaults count; torch.fx ignores those of a root."""

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
                "wrap it in a module that returns the logits alone (detection heads with several outputs do not fit)"
            )
        return answer  # type: ignore[return-value]  # a symbol of a tensor


class _Proxy(fx.Proxy):
    """A traced value that knows its value for images without data."""

    known: Any = None

    def __getattr__(self, name: str) -> Any:
        if callable(getattr(self.known, name)):  # raises if the value has no such attribute
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


def _known(value: Any) -> Any:
    """Return the value that a symbol stands for, without data."""
    if isinstance(value, _Proxy):
        return value.known
    if isinstance(value, fx.Proxy):
        raise TypeError("a method of a tensor is used as a value")
    return value.to("meta") if isinstance(value, Tensor) else value


def _is_tensor(value: Any) -> bool:
    return isinstance(value, _Proxy) and isinstance(value.known, Tensor)


def _wanted_type(method: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> torch.dtype | None:
    """Return the type that a method converts a tensor to; ``None`` if it keeps the type.

    A device is ignored: the whole teacher is on one device.
    """
    if method != "to":
        return torch.float32 if method == "float" else None
    named = {name: value for name, value in kwargs.items() if name != "memory_format"}
    known_args, known_named = fx.node.map_aggregate((args, named), _known)
    dtype: torch.dtype | None = torch._C._nn._parse_to(*known_args, **known_named)[1]
    return dtype


def described(module: nn.Module, path: str) -> str:
    """Return how messages name the submodule of ``module`` at a traced path."""
    if path == PREFIX:
        return f"its own code, {class_name(module)}"
    name = user_path(path)
    return f"module {name!r} of class {class_name(module.get_submodule(name))}"


def user_path(path: str) -> str:
    """Return the path in the user's module for a path in the traced one."""
    return path.removeprefix(PREFIX).removeprefix(".")

"""Teachers for the space ``TINY`` whose layers differ from their classes, or whose code is hard to trace."""

from __future__ import annotations

import types
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils import parametrizations, prune
from torch.utils.checkpoint import checkpoint

BORDERS = ("stem", "one", "two")


def unit(n_in: int, n_out: int, stride: int, *, bias: bool = False) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(n_in, n_out, 3, stride, 1, bias=bias), nn.BatchNorm2d(n_out), nn.ReLU())


class Plain(nn.Module):
    """Every part has operators for everything."""

    def __init__(self, *, bias: bool = False) -> None:
        super().__init__()
        self.stem, self.one, self.two = unit(1, 4, 1), unit(4, 4, 1, bias=bias), unit(4, 6, 2)
        self.pool, self.fc = nn.AdaptiveAvgPool2d(1), nn.Linear(6, 3)

    def body(self, x: Tensor) -> Tensor:
        logits: Tensor = self.fc(torch.flatten(self.pool(self.two(self.one(self.stem(x)))), 1))
        return logits

    def forward(self, x: Tensor) -> Tensor:
        return self.body(x)


class NormAct(nn.BatchNorm2d):
    def forward(self, x: Tensor) -> Tensor:
        return F.silu(super().forward(x))


class StandardisedConv(nn.Conv2d):
    def forward(self, x: Tensor) -> Tensor:
        w = self.weight
        w = (w - w.mean((1, 2, 3), keepdim=True)) / (w.std((1, 2, 3), keepdim=True) + 1e-6)
        return F.conv2d(x, w, self.bias, self.stride, self.padding)


class ScaledConv(nn.Conv2d):
    """Reads a size off its own weights."""

    def forward(self, x: Tensor) -> Tensor:
        weight = self.weight / self.weight[0].numel() ** 0.5
        return F.conv2d(x, weight, self.bias, self.stride, self.padding, self.dilation, self.groups)


class SameConv(nn.Conv2d):
    def forward(self, x: Tensor) -> Tensor:
        return F.conv2d(F.pad(x, (0, 2, 0, 2)), self.weight, self.bias, self.stride)


class ThroughProperty(nn.Conv2d):
    """Its forward is torch's, but calls other code."""

    def _conv_forward(self, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        return super()._conv_forward(x, 2 * weight, bias)


class ReLU4(nn.ReLU6):
    def forward(self, x: Tensor) -> Tensor:
        return x.clamp(0, 4)


class DoubledLinear(nn.Linear):
    def forward(self, x: Tensor) -> Tensor:
        return 2 * super().forward(x)


class DoubledPool(nn.AdaptiveAvgPool2d):
    def forward(self, x: Tensor) -> Tensor:
        return 2 * super().forward(x)


class Stepwise(nn.Sequential):
    def forward(self, x: Tensor) -> Tensor:
        for layer in self:
            x = layer(x) + 0.25
        return x


class OwnInit(nn.Conv2d):
    """Adds to the class, and computes the same."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        nn.init.uniform_(self.weight)

    def n_products(self) -> int:
        return self.weight.numel()


class Aliased(nn.Module):
    """The activation overwrites the input of the sum, through a module that returns its input."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.same, self.relu = nn.Conv2d(4, 4, 3, 1, 1), nn.Identity(), nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        y = self.relu(self.same(x))
        return x + y


class Train(nn.BatchNorm2d):
    """Keeps training."""

    def train(self, mode: bool = True) -> Train:  # noqa: ARG002
        return super().train(True)


def changed(change: Callable[[Plain], Any]) -> Callable[[], nn.Module]:
    def make() -> nn.Module:
        module = Plain()
        replacement = change(module)
        return replacement if isinstance(replacement, nn.Module) else module

    return make


def put(path: str, part: Callable[[], nn.Module]) -> Callable[[], nn.Module]:
    return changed(lambda module: module.set_submodule(path, part()))


def one_then(part: Callable[[], nn.Module]) -> Callable[[], nn.Module]:
    return changed(lambda module: setattr(module, "one", nn.Sequential(*module.one, part())))


def doubled(module: nn.Module) -> Any:
    return module.register_forward_hook(lambda _module, _inputs, output: 2 * output)


def replaced_forward(module: nn.Module) -> None:
    of_class = module.forward
    module.forward = lambda x: 2 * of_class(x)  # type: ignore[method-assign]


def bound_forward(module: nn.Module, forward: Callable[[Any, Tensor], Tensor]) -> None:
    module.forward = types.MethodType(forward, module)  # type: ignore[method-assign]


def calling(forward: Callable[[Any, Tensor], Any]) -> Callable[[], nn.Module]:
    """Return a function that makes a teacher with this forward."""
    return type("Odd", (Plain,), {"forward": forward})


class Hidden(nn.Module):
    """Its layer is in a plain list."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = [nn.Conv2d(4, 4, 1)]

    def forward(self, x: Tensor) -> Any:
        return self.layers[0](x)


class Called(nn.Module):
    """A part that is a function."""

    def __init__(self, function: Callable[[Tensor], Any]) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> Any:
        return self.function(x)


def _sizes(self: Plain, x: Tensor) -> Tensor:
    n, channels, height, width = x.shape
    assert channels == 1
    assert (height, width) == (8, 6)
    assert n == x.size(0)
    assert x.dim() == len(x.shape) == 4, "a batch of images"
    if x.dtype == torch.float16 or self.training or torch.jit.is_scripting():
        raise ValueError("elsewhere")
    maps = self.two(self.one(self.stem(x.to(torch.float32).contiguous())))
    return {4: self.fc}[maps.dim()](self.pool(maps).view(maps.size(0), -1))  # type: ignore[no-any-return]


def _checkpointed(self: Plain, x: Tensor) -> Tensor:
    x = checkpoint(self.one, self.stem(x), use_reentrant=False)  # type: ignore[no-untyped-call]
    return self.fc(self.pool(self.two(x)).flatten(1))  # type: ignore[no-any-return]


def _checked(x: Tensor) -> Tensor:
    if not isinstance(x, Tensor):
        raise TypeError("no tensor")
    return x


def _written(x: Tensor) -> Tensor:
    x = x.clone()
    x[:, 0] = 0
    return x


EXACT: dict[str, tuple[Callable[[], nn.Module], str | None]] = {
    # name: (how it is made, the reason why a part of it stays float; None if none does)
    "plain": (Plain, None),
    "bias before batch norm": (lambda: Plain(bias=True), None),
    "batch norm without factors": (put("one.1", lambda: nn.BatchNorm2d(4, affine=False, eps=0.1)), None),
    "class that only adds": (put("one.0", lambda: OwnInit(4, 4, 3, 1, 1)), None),
    "backward hooks": (changed(lambda m: m.one.register_full_backward_hook(lambda *_: None)), None),
    "data parallel": (changed(nn.DataParallel), None),
    "compiled": (changed(torch.compile), None),
    "compiled inside": (changed(lambda m: setattr(m, "one", torch.compile(m.one))), None),
    "defaults": (type("D", (Plain,), {"forward": lambda s, x, labels=None, *, more=False: s.body(x)}), None),  # noqa: ARG005
    "to device": (calling(lambda s, x: s.body(x.to(next(s.parameters()).device).cpu())), None),
    "to tensor": (calling(lambda s, x: s.body(x.to(s.fc.weight).float())), None),
    "look-up": (calling(lambda s, x: {4: s.body}[x.dim()](x)), None),
    "look-up of a size": (calling(lambda s, x: {6: s.body}[x.shape[3]](x)), None),
    "checkpointed": (calling(_checkpointed), None),
    "derived norm": (put("one.1", lambda: NormAct(4)), "batch_norm in one.1 (NormAct, derived from BatchNorm2d)"),
    "derived conv": (put("one.0", lambda: StandardisedConv(4, 4, 3, 1, 1)), "mean in one.0 (StandardisedConv, derived"),
    "same conv": (put("one.0", lambda: SameConv(4, 4, 3)), None),
    "size of weights": (put("one.0", lambda: ScaledConv(4, 4, 3, 1, 1)), "(ScaledConv, derived"),
    "inner method": (put("one.0", lambda: ThroughProperty(4, 4, 3, 1, 1)), "mul in one.0 (ThroughProperty, derived"),
    "derived ReLU6": (put("one.2", ReLU4), "clamp in one.2 (ReLU4, derived from ReLU6)"),
    "derived linear": (put("fc", lambda: DoubledLinear(6, 3)), "mul in fc (DoubledLinear, derived from Linear)"),
    "derived pooling": (put("pool", lambda: DoubledPool(1)), "mul in pool (DoubledPool, derived"),
    "derived sequence": (changed(lambda m: setattr(m, "one", Stepwise(*m.one))), "add in one (Stepwise, derived"),
    "hook": (changed(lambda m: doubled(m.one[0])), "mul in one.0 (Conv2d with a forward hook)"),
    "hook of a border": (changed(lambda m: doubled(m.one)), "mul in one (Sequential with a forward hook)"),
    "hook of the teacher": (changed(doubled), "mul"),
    "hook before": (changed(lambda m: m.two.register_forward_pre_hook(lambda _, x: (x[0] - 1,))), "sub in two"),
    "weight norm": (changed(lambda m: nn.utils.weight_norm(m.one[0]) and None), "_weight_norm in one.0 (Conv2d with"),
    "parametrised": (changed(lambda m: parametrizations.weight_norm(m.one[0]) and None), "one.0 (ParametrizedConv2d)"),
    "pruned": (changed(lambda m: prune.l1_unstructured(m.one[0], "weight", 0.5) and None), "in one.0 (Conv2d with"),
    "replaced forward": (changed(lambda m: replaced_forward(m.one[0])), "one.0 (Conv2d with a method of its own)"),
    "replaced forward of the teacher": (changed(lambda m: bound_forward(m, lambda s, x: 1 - s.body(x))), "sub"),
    "other padding": (put("one.0", lambda: nn.Conv2d(4, 4, 3, 1, 1, padding_mode="reflect")), "one.0 (Conv2d) pads"),
    "aliased": (put("one", Aliased), "one.relu (ReLU) overwrites what is read again later"),
    "images in place": (calling(lambda s, x: s.body(x.sub_(0.5))), "sub_"),
    "sizes": (calling(_sizes), None),
    "isinstance": (one_then(lambda: Called(_checked)), "one.3 (Called)"),
    "written into": (one_then(lambda: Called(_written)), "one.3 (Called)"),
    "scripted inside": (changed(lambda m: m.one.append(torch.jit.script(nn.Sequential(nn.ReLU()))) and None), "one.3"),
    "transposed and back": (one_then(lambda: Called(lambda x: x.flatten(2).mT.mT.view(x.shape))), "flatten in one.3"),
}  # fmt: skip

REFUSED: dict[str, tuple[Callable[[], nn.Module], str]] = {
    "no statistics": (put("one.1", lambda: nn.BatchNorm2d(4, track_running_stats=False)),
        "border 'one': what the teacher gives for an image depends on the other images of its batch"),
    "always training": (put("one.1", lambda: Train(4)), "border 'one': what .* depends on the other images"),
    "noise": (one_then(lambda: Called(lambda x: x + torch.randn_like(x))),
        "border 'one': what the teacher gives for an image differs from call to call"),
    "by batch": (calling(lambda s, x: s.body(x) * (2 if x.shape[0] == 1 else 1)), "the logits: .* depends on"),
    "by memory": (one_then(lambda: Called(lambda x: torch.as_strided(x, x.shape, (192, 48, 6, 1)) * 1)),
        r"does not compute what the module does: one.3 \(Called\) gives other values, by up to"),
    "by values": (one_then(lambda: Called(lambda x: x if x.mean() > 0 else -x)),
        "cannot be traced by torch.fx: symbolically traced .* control flow .in module 'one.3' of class Called"),
    "own values": (calling(lambda s, x: s.body(x if x.sum() > 0 else -x)), "control flow .in its own code, Odd"),
    "mistake": (one_then(lambda: Called(lambda x: x.foo())), "AttributeError: 'Tensor' object has no attribute 'foo'"),
    "any error": (one_then(lambda: Called(lambda x: {}[x])), "KeyError: .*in module 'one.3' of class Called"),
    "hidden": (put("one", Hidden),
        "module 'one' of class Hidden calls a Conv2d that is not one of its submodules"),
    "dictionary": (calling(lambda s, x: {"out": s.body(x)}), "something else than one tensor of logits: dict of out;"),
    "tuple": (calling(lambda s, x: (s.body(x), x)), "something else than one tensor of logits: tuple;"),
    "object": (calling(lambda s, x: types.SimpleNamespace(y=s.body(x))), "of logits: SimpleNamespace;"),
    "two inputs": (type("T", (Plain,), {"forward": lambda s, x, y: s.body(x + y)}), r"takes 2 inputs \(x, y\) instead"),
    "scripted": (changed(torch.jit.script), "the teacher is a ScriptModule, whose code cannot be traced"),
    "double": (changed(lambda m: m.double()), "does not run on"),
}  # fmt: skip


def trained(make: Callable[[], nn.Module]) -> nn.Module:
    """Return a module of fixed weights and statistics, in evaluation mode."""
    torch.manual_seed(0)
    module = make().eval()
    for part in module.modules():
        if isinstance(part, nn.BatchNorm2d) and part.running_mean is not None and part.running_var is not None:
            nn.init.uniform_(part.running_mean, -0.2, 0.2)
            nn.init.uniform_(part.running_var, 0.5, 2)
    return module

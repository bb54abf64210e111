"""Teachers with code other than torch's layers are split exactly, in any layout, or refused in one line."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor, nn

from qabwnas.errors import InputError
from qabwnas.nets.external import verify
from qabwnas.nets.external.costs import teacher_parts
from qabwnas.nets.external.split import split_teacher
from qabwnas.nets.external.user_module import torch_class
from qabwnas.quant.operators import Unquantised
from qabwnas.quant.ptq import quantise
from qabwnas.space import FLOAT, BitWidths
from tests.nets.external import odd_modules as odd
from tests.spaces import TINY

pytestmark = pytest.mark.filterwarnings("ignore:.*(weight_norm|torch.jit|use_reentrant|requires_grad)")


def images() -> Tensor:
    return 3 * torch.randn(3, 1, 8, 6, generator=torch.Generator().manual_seed(1))


@torch.no_grad()
@pytest.mark.parametrize("name", odd.EXACT)
def test_it_computes_what_the_module_does(name: str) -> None:
    make, reason = odd.EXACT[name]
    module = odd.trained(make)
    teacher = split_teacher(module, odd.BORDERS, TINY.input)
    x = images()
    given = x.clone()
    with torch.compiler.set_stance("force_eager"):
        expected = module(x.clone())
    for layout in (torch.contiguous_format, torch.channels_last):
        torch.testing.assert_close(teacher(x.to(memory_format=layout)), expected, rtol=1e-5, atol=1e-6)
    assert torch.equal(x, given)
    reasons = [part.reason for part in (teacher.stem, *teacher.blocks, teacher.head) if isinstance(part, Unquantised)]
    assert len(reasons) == (reason is not None)
    assert reason is None or reason in reasons[0]


@pytest.mark.parametrize("name", odd.REFUSED)
def test_what_cannot_be_split_exactly_is_refused_by_name(name: str) -> None:
    make, message = odd.REFUSED[name]
    module = odd.trained(make)
    with pytest.raises(InputError, match=message) as caught:
        split_teacher(module, odd.BORDERS, TINY.input)
    assert "\n" not in str(caught.value)


@torch.no_grad()
def test_a_bias_in_front_of_batch_norm_is_folded() -> None:
    module = odd.trained(lambda: odd.Plain(bias=True))
    nn.init.uniform_(module.one[0].bias, -3, 3)  # type: ignore[index,union-attr,operator,arg-type]
    block = split_teacher(module, odd.BORDERS, TINY.input).blocks[0]
    x = torch.rand(4, 4, 8, 6)
    expected = module.one(x)  # type: ignore[operator,union-attr]
    torch.testing.assert_close(quantise(block, FLOAT, [x])(x), expected, rtol=1e-5, atol=1e-6)
    error = (quantise(block, BitWidths(8, 8), [x])(x) - expected).square().mean()
    assert 0 < error < 1e-3 * expected.var()


def test_a_rebuilt_part_that_computes_something_else_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """For any reason: here, a layer is treated as one of another class."""

    def wrong(module: nn.Module) -> type[nn.Module] | None:
        return nn.ReLU6 if type(module) is odd.ReLU4 else torch_class(module)

    module = odd.trained(odd.EXACT["derived ReLU6"][0])
    nn.init.constant_(module.get_parameter("one.1.weight"), 10)
    monkeypatch.setattr("qabwnas.nets.external.tracer.torch_class", wrong)
    monkeypatch.setattr("qabwnas.nets.external.layers.torch_class", wrong)
    message = "border 'one': the part up to it .* a rebuilt part gives other values, by up to"
    with pytest.raises(InputError, match=message):
        split_teacher(module, odd.BORDERS, TINY.input)


def test_the_module_keeps_its_hooks_and_weights() -> None:
    module = odd.trained(odd.EXACT["weight norm"][0])
    before = copy.copy(vars(module.one[0])), {k: v.clone() for k, v in module.state_dict().items()}  # type: ignore[index,arg-type]
    split_teacher(module, odd.BORDERS, TINY.input)
    assert vars(module.one[0]).keys() == before[0].keys()  # type: ignore[index,arg-type]
    assert all(torch.equal(tensor, before[1][name]) for name, tensor in module.state_dict().items())
    assert not isinstance(module.one[0].weight, torch.fx.Proxy)  # type: ignore[index,union-attr]


def test_products_of_functions_count_as_those_of_layers() -> None:
    plain = split_teacher(odd.trained(odd.Plain), odd.BORDERS, TINY.input)
    _, *expected = teacher_parts(plain, TINY.input)[1]
    for name in ("derived norm", "derived conv", "hook", "pruned", "weight norm", "parametrised"):
        module = odd.trained(odd.EXACT[name][0])
        operators = teacher_parts(split_teacher(module, odd.BORDERS, TINY.input), TINY.input)[1]
        assert sum(o.macs for o in operators) == sum(o.macs for o in expected) == 48 * 4 * 4 * 9
        assert sum(o.weights for o in operators) == sum(p.numel() for p in module.get_submodule("one").parameters())


def test_weights_of_another_copy_are_taken_over() -> None:
    """A run keeps the weights of its teacher and makes the module again."""
    for name in ("derived norm", "derived conv", "weight norm", "pruned", "written into"):
        module = odd.trained(odd.EXACT[name][0])
        teacher = split_teacher(module, odd.BORDERS, TINY.input)
        other = split_teacher(odd.EXACT[name][0](), odd.BORDERS, TINY.input, check=False)
        other.load_state_dict(teacher.state_dict())
        assert torch.equal(other(images()), teacher(images()))


def test_only_what_adds_nothing_counts_as_torchs() -> None:
    assert torch_class(odd.OwnInit(1, 1, 1)) is nn.Conv2d
    assert torch_class(nn.BatchNorm2d(1)) is nn.BatchNorm2d
    assert torch_class(odd.Plain()) is None
    for derived in (odd.NormAct(1), odd.ThroughProperty(1, 1, 1), odd.Train(1), odd.ReLU4()):
        assert torch_class(derived) is None


def test_values_that_are_no_numbers_are_compared_too() -> None:
    nan = torch.tensor([1.0, torch.nan])
    assert verify._close(nan, nan)
    assert not verify._close(torch.tensor([1.0, 2.0]), nan)
    assert not verify._close(nan, torch.tensor([1.0, 2.0]))
    assert not verify._close(torch.zeros(2), torch.zeros(3))

"""A split teacher computes the same as the module, is quantised if it has operators, and its shapes are checked."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from qabwnas.errors import InputError
from qabwnas.nets.external.split import check_shapes, split_teacher
from qabwnas.nets.network import Network, assemble, build_network
from qabwnas.nets.quantise import quantise_network
from qabwnas.nets.supernet import Supernet
from qabwnas.quant.activations import FakeQuantise
from qabwnas.quant.operators import Operator, Unquantised
from qabwnas.space import BitWidths, Policy, SearchSpace, Shape, mbconv
from qabwnas.space.yaml import load_space
from tests.nets.external import external_modules as external
from tests.spaces import TINY

W8A8 = BitWidths(8, 8)


@pytest.fixture
def module() -> nn.Module:
    return external.make().eval()


@pytest.fixture
def teacher(module: nn.Module) -> Network:
    return split_teacher(module, external.BORDERS, TINY.input)


@torch.no_grad()
def test_it_answers_as_the_module_did(module: nn.Module, teacher: Network) -> None:
    """Its feature maps are the outputs of the named modules, although later modules work in place."""
    x, given = torch.randn(3, 1, 8, 6), {}
    for name in external.BORDERS:
        module.get_submodule(name).register_forward_hook(lambda _, __, y, name=name: given.update({name: y.clone()}))
    expected = module(x)
    torch.testing.assert_close(teacher(x), expected)
    maps = teacher.features(x)
    torch.testing.assert_close(maps, [given[name] for name in external.BORDERS])
    torch.testing.assert_close(teacher.head(maps[-1]), expected)


def test_the_module_is_left_alone(module: nn.Module) -> None:
    before = copy.deepcopy(module.state_dict())
    module.train()
    teacher = split_teacher(module, external.BORDERS, TINY.input)
    with torch.no_grad():
        for parameter in teacher.parameters():
            parameter.fill_(torch.nan)
    assert module.training
    assert all(torch.equal(before[name], tensor) for name, tensor in module.state_dict().items())


def test_parts_of_known_layers_are_made_of_operators(teacher: Network) -> None:
    assert [isinstance(part, Unquantised) for part in (teacher.stem, *teacher.blocks, teacher.head)] == [
        False, False, True, False,
    ]  # fmt: skip
    names = [
        [type(m).__name__ for m in part.modules() if isinstance(m, Operator)]
        for part in (teacher.stem, teacher.blocks[0], teacher.head)
    ]
    assert names == [["Convolution"], ["Convolution", "Convolution", "Add"], ["GlobalAverage", "Linear"]]


@torch.no_grad()
def test_quantisation_rounds_what_is_made_of_operators(teacher: Network) -> None:
    x = torch.rand(16, 1, 8, 6)
    quantised = quantise_network(teacher, Policy.homogeneous(W8A8, 2), [x])
    parts = (quantised.stem, *quantised.blocks, quantised.head)
    rounded = [sum(isinstance(m, FakeQuantise) for m in part.modules()) for part in parts]
    assert rounded == [2, 4, 0, 3]
    expected = teacher(x)
    error = float((quantised(x) - expected).square().mean())
    assert 0 < error < 0.01 * float(expected.var())


@torch.no_grad()
def test_students_stand_between_copies_of_its_stem_and_head(teacher: Network) -> None:
    student = assemble(teacher, Supernet(TINY), [0, 0]).eval()
    x = torch.rand(2, 1, 8, 6)
    assert student(x).shape == (2, 3)
    assert torch.equal(student.stem(x), teacher.stem(x))


def test_weights_come_back(teacher: Network) -> None:
    other = split_teacher(external.Foreign(), external.BORDERS, TINY.input)
    other.load_state_dict(teacher.state_dict())
    x = torch.rand(2, 1, 8, 6)
    assert torch.equal(other(x), teacher(x))


@pytest.mark.parametrize(
    ("make", "borders", "message"),
    [
        (external.Foreign, ("stem",), "borders: one is needed for the input of the first block"),
        (external.Foreign, ("stem", "layer9"), "border 'layer9': the teacher has no module of that name"),
        (external.Foreign, ("layer1", "stem"), "border 'stem': it does not come after border 'layer1'"),
        (external.Foreign, ("stem", "layer1", "layer1.relu"), "border 'layer1.relu': the teacher runs .* 2 times"),
        (external.Foreign, ("stem", "layer1", "layer1.conv2"), "border 'layer1.conv2': it does not come after"),
        (external.Foreign, ("stem", "layer2.left"),
         "border 'layer2.left': the output of layer2.relu from the part before border 'layer2.left' is used after it"),
        (external.LongSkip, ("stem", "layer1", "layer2"),
         "border 'layer1': the output of stem.2 from the part before border 'stem' is used after it"),
        (external.ImageSize, ("stem", "layer1"), "border 'layer1': the images from the part before border 'stem'"),
        (external.Twice, ("stem", "layer1"), "border 'layer1': the teacher runs through it 2 times, not once"),
        (external.Unused, ("stem", "layer1"), "border 'layer1': the teacher's output does not depend on it"),
        (external.Branching, ("stem", "layer1"), "the teacher cannot be traced by torch.fx: symbolically"),
        (external.TwoAnswers, ("stem", "layer1"), "the teacher gives something else than one tensor of logits"),
        (external.TwoInputs, ("stem", "layer1"), "the teacher takes 2 inputs \\(images, mask\\) instead of one batch"),
    ],
)  # fmt: skip
def test_what_cannot_be_split_is_one_line(make: type[nn.Module], borders: tuple[str, ...], message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        split_teacher(make(), borders, TINY.input)
    assert "\n" not in str(caught.value)


def test_images_of_other_channels_are_one_line() -> None:
    with pytest.raises(
        InputError, match=r"stem.0 does not run on a tensor of the shape \(2, 3, 8, 6\): RuntimeError: Invalid channel"
    ) as caught:
        split_teacher(external.Foreign(), external.BORDERS, Shape(3, 8, 6))
    assert "\n" not in str(caught.value)


class Tokens(nn.Module):
    """A transformer on the pixels of the maps."""

    def __init__(self, *, norm: nn.Module | None = None) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(6, 2, batch_first=True)
        self.norm = norm or nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        tokens = x.flatten(2).transpose(1, 2)
        tokens = self.norm(tokens + self.attention(tokens, tokens, tokens, need_weights=False)[0])
        return tokens.transpose(1, 2).unflatten(2, x.shape[2:])


@pytest.mark.parametrize(
    ("layer", "reason"),
    [
        (Tokens, r"pool.0.attention \(MultiheadAttention\) has no operator: attention multiplies activations"),
        (
            lambda: nn.GroupNorm(2, 6),
            r"pool.0 \(GroupNorm\) has no operator: it normalises by statistics of each image",
        ),
        (nn.Hardswish, r"pool.0 \(Hardswish\) has no operator: integer run-times approximate it"),
        (nn.Softplus, r"pool.0 \(Softplus\) has no operator$"),
    ],
)
def test_the_reason_why_a_part_stays_float_is_given(layer: Callable[[], nn.Module], reason: str) -> None:
    module = external.make()
    module.pool = nn.Sequential(layer(), nn.AdaptiveAvgPool2d(1))
    head = split_teacher(module, external.BORDERS, TINY.input).head
    assert isinstance(head, Unquantised)
    assert re.match(reason, head.reason)


def test_tokens_are_not_maps() -> None:
    class Flat(external.Foreign):
        def forward(self, images: Tensor) -> Tensor:
            return self.fc(self.layer3(self.layer2(self.layer1(self.stem(images)))).mean(1))

    module = Flat()
    module.layer3 = nn.Flatten(2)
    module.fc = nn.Linear(12, 3)
    teacher = split_teacher(module, ("stem.2", "layer1", "layer3"), TINY.input)
    with pytest.raises(InputError, match="second: its output is 6 × 12 .*, so that tokens of a transformer do not fit"):
        check_shapes(teacher, TINY)


FIRST, SECOND = TINY.blocks


def test_teachers_of_the_space_pass() -> None:
    check_shapes(build_network(TINY, [[mbconv(3, 1)], [mbconv(3, 2)]]), TINY)
    check_shapes(split_teacher(external.make(), external.BORDERS, TINY.input), TINY)
    full = load_space("cityscapes-mbv2")  # 1024 × 2048 pixels; nothing is computed
    check_shapes(build_network(full, [[mbconv(3, 6)]] * 6), full)


@pytest.mark.parametrize(
    ("space", "message"),
    [
        (replace(TINY, blocks=(FIRST,)), "the teacher has 2 blocks, the space 'tiny' 1"),
        (replace(TINY, stem=TINY.stem._replace(channels=5)),
         "first: its input is 4 × 8 × 6 in the teacher and 5 × 8 × 6 in the space 'tiny'"),
        (replace(TINY, blocks=(FIRST, replace(SECOND, out_channels=7))),
         "second: its output is 6 × 4 × 3 in the teacher and 7 × 4 × 3 in"),
        (replace(TINY, blocks=(replace(FIRST, stride=2), replace(SECOND, stride=1))),
         "first: its output is 4 × 8 × 6 in the teacher and 4 × 4 × 3 in"),
        (replace(TINY, head=TINY.head._replace(n_classes=9)), "has 3 classes, the space 'tiny' has 9"),
        (replace(TINY, input=Shape(3, 8, 6)), "the teacher does not run on 3 × 8 × 6: "),
    ],
)  # fmt: skip
def test_other_shapes_are_named(space: SearchSpace, message: str) -> None:
    for teacher in (
        build_network(TINY, [[mbconv(3, 1)], [mbconv(3, 2)]]),
        split_teacher(external.make(), external.BORDERS, TINY.input),
    ):
        with pytest.raises(InputError, match=message) as caught:
            check_shapes(teacher, space)
        assert "\n" not in str(caught.value)

"""Parts of external teachers leave the tool: rebuilt ones as integers, float ones as floats with a note."""

from __future__ import annotations

import onnx
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from qabwnas.costs import total_costs
from qabwnas.deploy import float_parts as exported_floats
from qabwnas.deploy.check import OnnxNetwork, check_outputs, check_size, compare_outputs, open_session, output_step
from qabwnas.deploy.graph import float_parts
from qabwnas.deploy.onnx_export import onnx_model
from qabwnas.errors import InputError, MismatchError
from qabwnas.nets.external.costs import teacher_parts
from qabwnas.nets.external.split import split_teacher
from qabwnas.nets.network import Network
from qabwnas.nets.quantise import quantise_network
from qabwnas.quant.operators import AveragePool, Convolution, Unquantised
from qabwnas.quant.ptq import quantise
from qabwnas.space import FLOAT, BitWidths, Policy, Shape
from tests.deploy import external_modules as external
from tests.nets.external.counted import counted_macs

IMAGE = Shape(*external.SHAPE)
INT8 = BitWidths(8, 8)


class Attention(nn.Module):
    """A part that needs a newer opset than the rest."""

    def forward(self, x: Tensor) -> Tensor:
        tokens = x[:, None]
        return nn.functional.scaled_dot_product_attention(tokens, tokens, tokens)[:, 0]


def images(seed: int = 0) -> Tensor:
    return torch.randn(16, *external.SHAPE, generator=torch.Generator().manual_seed(seed))


def split(module: nn.Module) -> Network:
    return split_teacher(module, external.BORDERS, IMAGE)


def exported(teacher: Network, widths: BitWidths) -> tuple[Network, onnx.ModelProto]:
    quantised = quantise_network(teacher, Policy((widths, widths), fixed=widths), [images()])
    return quantised, onnx_model(quantised, external.SHAPE)


@pytest.mark.parametrize("widths", [INT8, BitWidths(4, 4), BitWidths(4, 8), FLOAT])
def test_every_layer_that_conversion_knows_is_exported(widths: BitWidths) -> None:
    module = external.make()
    teacher = split(module)
    assert not [part.reason for part in teacher.modules() if isinstance(part, Unquantised)]
    quantised, model = exported(teacher, widths)
    answers = OnnxNetwork(open_session(model))
    found = compare_outputs(answers, quantised, [images(1), images(2)], output_step(quantised) or 1e-5)
    assert found.within_a_step == 1
    assert check_outputs(quantised, answers, [images(1)]).within_a_step == 1
    costs = total_costs([(part, widths) for part in teacher_parts(teacher, IMAGE)])
    check_size(model, costs["size_bytes"])
    assert costs["macs"] == counted_macs(module, images()[:1])
    assert float_parts(model) == []
    assert model.opset_import[0].version == 13


def test_paddings_are_parts_of_convolutions_if_only_these_read_them() -> None:
    teacher = split(external.make())
    _, model = exported(teacher, INT8)
    pads = [
        list(a.ints) for node in model.graph.node if node.op_type == "Conv" for a in node.attribute if a.name == "pads"
    ]
    assert [0, 0, 1, 1] in pads
    assert [1, 1, 2, 2] in pads
    assert [node.op_type for node in model.graph.node].count("Pad") == 1  # the poolings read it
    peak = total_costs([(teacher_parts(teacher, IMAGE)[0], INT8)])["peak_activation_bytes"]
    assert peak == 3 * 14 * 12 + 6 * 7 * 6, "no padded copy of the images"


@pytest.mark.parametrize(
    ("after", "opset", "reason"),
    [
        (nn.GELU, 13, "after (GELU) has no operator: integer run-times approximate it, each in its own way"),
        (Attention, 14, "scaled_dot_product_attention in after (Attention) has no operator: attention multiplies "),
    ],
)
@pytest.mark.parametrize("widths", [INT8, BitWidths(4, 4)])
def test_parts_that_stay_float_are_merged_and_named(
    after: type[nn.Module], opset: int, reason: str, widths: BitWidths
) -> None:
    teacher = split(external.make(after))
    quantised, model = exported(teacher, widths)
    assert check_outputs(quantised, OnnxNetwork(open_session(model)), [images(1), images(2)[:3]]).within_a_step >= 0.99
    [part] = float_parts(model)
    assert (part.path, part.n_parameters, part.opset) == ("head", 50, opset)
    assert reason in part.reason
    assert model.opset_import[0].version == opset
    check_size(model, total_costs([(part, widths) for part in teacher_parts(teacher, IMAGE)])["size_bytes"])


class ByNumber(nn.Module):
    """Its code depends on the number of images, which tracing fixes."""

    def forward(self, x: Tensor) -> Tensor:
        return x * len(x)


def test_a_float_part_that_tracing_changes_is_refused() -> None:
    with pytest.raises(MismatchError, match="^0: stays float, and as ONNX it gives values up to .* away from"):
        onnx_model(nn.Sequential(Unquantised(ByNumber(), "no operator")), (4,))


def test_a_float_part_that_cannot_be_written_is_named(capfd: pytest.CaptureFixture[str]) -> None:
    part = Unquantised(nn.FractionalMaxPool2d(2, 2), "pool (FractionalMaxPool2d) has no operator")
    with pytest.raises(InputError) as caught:
        exported_floats.export_float_parts(nn.Sequential(part), (3, 8, 8))
    assert str(caught.value).startswith(
        "0: stays float (pool (FractionalMaxPool2d) has no operator), and torch cannot "
    )
    assert "'aten::fractional_max_pool2d'" in str(caught.value)
    assert capfd.readouterr() == ("", ""), "torch prints nothing"


@given(st.data())
@settings(max_examples=60, deadline=None)
@torch.no_grad()
def test_poolings_of_any_geometry_agree(data: st.DataObject) -> None:
    """Also where torch leaves out a last window that would begin in the padding."""
    kernel, stride = data.draw(st.integers(1, 4)), data.draw(st.integers(1, 4))
    padding = data.draw(st.integers(0, kernel // 2))
    sides = data.draw(st.integers(kernel, 9)), data.draw(st.integers(kernel, 9))
    ceil_mode, average = data.draw(st.booleans()), data.draw(st.booleans())
    pool: nn.Module = nn.MaxPool2d(kernel, stride, padding, ceil_mode=ceil_mode)
    if average:
        zeros = data.draw(st.booleans())
        pool = AveragePool(nn.AvgPool2d(kernel, stride, padding, ceil_mode and not padding, count_include_pad=zeros))
    widths = data.draw(st.sampled_from([INT8, BitWidths(4, 4), FLOAT]))
    torch.manual_seed(0)
    x = torch.randn(3, 2, *sides)
    part = quantise(nn.Sequential(Convolution(2, 2, norm=False, activation="none"), pool), widths, [x])
    given_by = OnnxNetwork(open_session(onnx_model(part, (2, *sides))))
    assert compare_outputs(given_by, part, [x], output_step(part) or 1e-5).within_a_step == 1

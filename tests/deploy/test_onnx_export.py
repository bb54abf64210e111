"""The content of an export, and that integer kernels run it; test_check.py tests its outputs."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import numpy_helper
from torch import nn

from qabwnas.deploy.check import OnnxNetwork, compare_outputs, open_session
from qabwnas.deploy.onnx_export import onnx_model
from qabwnas.errors import InputError
from qabwnas.nets.layers import DeepLabV3
from qabwnas.nets.network import build_network
from qabwnas.nets.quantise import quantise_network
from qabwnas.quant.operators import Convolution, Input, Unquantised
from qabwnas.quant.ptq import prepare, quantise
from qabwnas.quant.qat import convert_qat, prepare_qat
from qabwnas.space import FLOAT, BitWidths, Policy, mbconv
from tests.deploy.candidates import DILATED, MIXED, SAME, SHAPE, SMALLER, candidate, images
from tests.quant.test_ptq import trained
from tests.spaces import TINY

INT8 = BitWidths(8, 8)


def constants(model: onnx.ModelProto) -> dict[str, np.ndarray]:
    return {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}


def kinds_that_run(model: onnx.ModelProto, folder: Path) -> Counter[str]:
    """Return how often each kind of node is in the graph as ONNX Runtime executes it."""
    open_session(model, optimised=folder / "optimised.onnx")
    return Counter(node.op_type for node in onnx.load(folder / "optimised.onnx").graph.node)


@pytest.mark.parametrize("bits", [8, 6, 4])
def test_constants_are_the_grids_of_the_network(bits: int) -> None:
    network = candidate(SAME, ["k3e3", "skip", "k5e1"], BitWidths(bits, bits))
    held = constants(onnx_model(network, SHAPE))
    largest = 2 ** (bits - 1) - 1
    for path, part in network.named_modules():
        if isinstance(part, Convolution):
            integers, scale = held[f"{path}.weight"], held[f"{path}.weight_scale"]
            assert integers.dtype == np.int8
            assert np.abs(integers).max() == largest
            weights = part.conv.weight.detach().numpy()
            np.testing.assert_allclose(integers * scale[:, None, None, None], weights, rtol=2e-7, atol=0)
            assert held[f"{path}.bias"].dtype == np.int32
            grid = part.output.grid
            assert (float(held[f"{path}.scale"]), int(held[f"{path}.zero"])) == (float(grid.scale), -int(grid.zero))
            assert held.get(f"{path}.largest", 255) == 2**bits - 1


@pytest.mark.parametrize(
    ("block", "operations", "n_convolutions", "n_sums"),
    [(SAME, ["k3e3", "k5e6", "k7e1"], 8, 3), (SMALLER, ["k7e6", "k3e1", "skip"], 5, 1), (DILATED, ["k3e1"] * 2, 4, 2)],
)
@pytest.mark.parametrize("bits", [8, 4])
def test_all_work_is_done_by_integer_kernels(
    block: object, operations: list[str], n_convolutions: int, n_sums: int, bits: int, tmp_path: Path
) -> None:
    kinds = kinds_that_run(onnx_model(candidate(block, operations, BitWidths(bits, bits)), SHAPE), tmp_path)
    assert (kinds["QLinearConv"], kinds["QLinearAdd"]) == (n_convolutions, n_sums)
    assert (kinds["QuantizeLinear"], kinds["DequantizeLinear"]) == (1, 1)
    assert not kinds["Conv"] + kinds["FusedConv"] + kinds["Add"]


@pytest.mark.parametrize("bits", [8, 4])
def test_a_hard_sigmoid_is_the_only_float_kernel_of_squeeze_and_excitation(bits: int, tmp_path: Path) -> None:
    network = candidate(MIXED, ["fused_k5e3", "se_k5e3", "fused_k3e1"], BitWidths(bits, bits))
    model = onnx_model(network, SHAPE)
    [gate] = [node for node in model.graph.node if node.op_type == "HardSigmoid"]
    attributes = {each.name: each.f for each in gate.attribute}
    assert attributes == {"alpha": pytest.approx(1 / 6), "beta": pytest.approx(0.5)}
    kinds = kinds_that_run(model, tmp_path)
    assert (kinds["QLinearConv"], kinds["QLinearAdd"]) == (2 + 5 + 1, 3)
    assert (kinds["QLinearGlobalAveragePool"], kinds["QLinearMul"], kinds["HardSigmoid"]) == (1, 1, 1)
    assert (kinds["QuantizeLinear"], kinds["DequantizeLinear"]) == (2, 2)  # of the input and output, and of the gate


def test_heads_are_integer_kernels_too(tmp_path: Path) -> None:
    head = quantise(trained(DeepLabV3(16, 8, (1, 2), 5)), INT8, [images(1)])
    kinds = kinds_that_run(onnx_model(head, SHAPE), tmp_path)
    assert (kinds["QLinearConv"], kinds["QLinearConcat"], kinds["QLinearGlobalAveragePool"]) == (6, 1, 1)
    classifier = quantise(
        trained(build_network(TINY, [[mbconv(5, 2)], [mbconv(3, 3)]])), INT8, [torch.rand(4, 1, 8, 6)]
    )
    kinds = kinds_that_run(onnx_model(classifier, (1, 8, 6)), tmp_path)
    assert (kinds["QGemm"], kinds["Gemm"], kinds["MatMul"]) == (1, 0, 0)


@torch.no_grad()
def test_floats_stay_floats() -> None:
    head = quantise(trained(DeepLabV3(16, 8, (1, 2), 5)), FLOAT, [images(1)])
    network = quantise(trained(build_network(TINY, [[mbconv(5, 2)], [mbconv(3, 3)]])), FLOAT, [torch.rand(4, 1, 8, 6)])
    for module, x in ((head, images(2)), (network, torch.rand(3, 1, 8, 6) * 9 - 4)):
        answers, expected = OnnxNetwork(open_session(onnx_model(module, tuple(x.shape[1:]))))(x), module(x)
        assert (answers - expected).abs().max() < 1e-5 * expected.abs().max()


@torch.no_grad()
def test_trained_weights_have_grids_of_their_own() -> None:
    """Quantisation-aware training leaves rounded weights whose ranges are not those that it began with."""
    observed = prepare(nn.Sequential(Input(), trained(Convolution(16, 4, 3))))
    observed(images(1))
    qat = prepare_qat(observed, BitWidths(4, 8))
    qat[1].conv.weight *= 3
    model = onnx_model(convert_qat(qat), SHAPE)
    answers = OnnxNetwork(open_session(model))
    step = float(qat[1].output.grid.scale)
    assert compare_outputs(answers, qat, [images(2)], step).within_a_step >= 0.999


@torch.no_grad()
def test_a_bias_beyond_32_bits_widens_the_weights_of_its_channel() -> None:
    """A channel whose weights are nearly 0 beside its bias: at S_x · S_w the bias would overflow."""
    layer = Convolution(16, 4, 3, norm=False, activation="none")
    layer.conv.weight[1] *= 1e-9
    layer.conv.bias[1] = 0.75
    quantised = quantise(layer, INT8, [images(1)])
    model = onnx_model(quantised, SHAPE)
    assert np.abs(constants(model)["1.bias"]).max() == pytest.approx(2**30, rel=1e-6)
    answers = OnnxNetwork(open_session(model))
    step = float(quantised[1].output.grid.scale)
    assert compare_outputs(answers, quantised, [images(2)], step).within_a_step == 1
    held = constants(model)
    weights = held["1.weight"][0] * held["1.weight_scale"][0]  # of a channel whose bias fits
    np.testing.assert_allclose(weights, quantised[1].conv.weight[0].numpy(), rtol=2e-7)


@pytest.mark.parametrize(
    ("module", "message"),
    [
        (nn.Sequential(nn.Sigmoid()), "0: a Sigmoid cannot be exported; it is not one of the operators"),
        (
            Unquantised(nn.FractionalMaxPool2d(2, 2), "1 (X) has no operator"),
            ": stays float .1 .X. has no operator., and "
            "torch cannot write it as ONNX of opset 13 to 20: Exporting the operator 'aten::fractional_max_pool2d' to",
        ),
        (candidate(SAME, ["skip", "k3e1", "skip"], BitWidths(8, 9)), "0: activations of more than 8 bits"),
        (
            candidate(SAME, ["skip", "k3e1", "skip"], BitWidths(9, 8)),
            "2.convolutions.depthwise: weights of more than 8 bits cannot be exported",
        ),
    ],
)
def test_what_cannot_be_exported_is_named(module: nn.Module, message: str) -> None:
    with pytest.raises(InputError, match=message):
        onnx_model(module, SHAPE)


@torch.no_grad()
def test_layers_keep_bit_widths_of_their_own() -> None:
    network = trained(build_network(TINY, [[mbconv(5, 2), mbconv(3, 1)], [mbconv(3, 3), mbconv(3, 2)]]))
    w4, w8 = BitWidths(4, 4), BitWidths(8, 6)
    batches = [torch.rand(8, 1, 8, 6)]
    quantised = quantise_network(network, Policy(((w4, w8), (w8, w4))), batches)
    model = onnx_model(quantised, (1, 8, 6))
    held = {tensor.name: tensor.doc_string for tensor in model.graph.initializer}
    for b, of_layers in enumerate((("4 bits", "8 bits"), ("8 bits", "4 bits"))):
        for layer, bits in enumerate(of_layers):
            notes = {held[name] for name in held if re.fullmatch(rf"blocks\.{b}\.1\.{layer}\..*weight", name)}
            assert notes == {bits}
    answers = OnnxNetwork(open_session(model))
    step = float(quantised.head[1][1].output.grid.scale)
    assert compare_outputs(answers, quantised, batches, step).within_a_step >= 0.99

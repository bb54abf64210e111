"""What an export holds weighs what was predicted, to the byte, for every space and policy."""

from __future__ import annotations

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from qabwnas.costs import network_costs
from qabwnas.deploy.onnx_export import onnx_model
from qabwnas.deploy.runtime import OnnxNetwork, open_session
from qabwnas.deploy.size import packed_bytes, stored_bytes
from qabwnas.nets.network import build_network
from qabwnas.nets.quantise import quantise_network
from qabwnas.space import FLOAT, BitWidths, Policy
from tests.spaces import codes, spaces

WIDTHS = st.sampled_from([FLOAT, BitWidths(8, 8), BitWidths(6, 6), BitWidths(4, 8), BitWidths(4, 4), BitWidths(3, 7)])


@given(st.data())
@settings(max_examples=40, deadline=None)
def test_packed_bytes_are_the_predicted_size(data: st.DataObject) -> None:
    space = data.draw(spaces())
    operations = [b.decode(code) for b, code in zip(space.blocks, codes(data.draw, space), strict=True)]
    policy = Policy(tuple(data.draw(WIDTHS) for _ in space.blocks), fixed=data.draw(WIDTHS))
    torch.manual_seed(0)
    shape = (space.input.channels, space.input.height, space.input.width)
    network = quantise_network(build_network(space, operations), policy, [torch.rand(2, *shape)])
    model = onnx_model(network, shape)
    predicted = network_costs(space, operations, policy)["size_bytes"]
    assert packed_bytes(model) == predicted
    assert stored_bytes(model) < len(model.SerializeToString())
    x = torch.rand(3, *shape)
    assert OnnxNetwork(open_session(model))(x).shape == network(x).shape

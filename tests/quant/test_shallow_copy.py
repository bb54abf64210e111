"""Twins are copies that share weights, and nothing else."""

from __future__ import annotations

import torch

from qabwnas.nets.mbconv import MBConv
from qabwnas.quant.apply import freeze, freeze_in_place, observe, observe_in_place
from qabwnas.quant.shallow_copy import twin
from qabwnas.space import BitWidths


def test_a_twin_is_quantised_as_a_deep_copy_is() -> None:
    torch.manual_seed(0)
    module = MBConv(4, 4, 3, 2, 1, 1)
    before = {name: value.clone() for name, value in module.state_dict().items()}
    x = torch.randn(2, 4, 6, 5)
    copied, shared = observe(module), observe_in_place(twin(module))
    assert torch.equal(copied(x), shared(x))
    freeze_in_place(shared, BitWidths(4, 8))
    with torch.no_grad():
        assert torch.equal(freeze(copied, BitWidths(4, 8))(x), shared(x))
    after = module.state_dict()
    assert list(before) == list(after)
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_parameters_are_shared_and_buffers_are_not() -> None:
    module = MBConv(4, 4, 3, 2, 1, 1)
    copied = twin(module)
    pairs = zip(module.parameters(), copied.parameters(), strict=True)
    assert all(own is other for own, other in pairs)
    before = [buffer.clone() for buffer in module.buffers()]
    copied(torch.randn(2, 4, 6, 5))  # in training mode, so that batch norms move their statistics
    assert all(torch.equal(own, kept) for own, kept in zip(module.buffers(), before, strict=True))
    assert not all(torch.equal(own, kept) for own, kept in zip(copied.buffers(), before, strict=True))
    copied.eval()
    assert all(part.training for part in module.modules())

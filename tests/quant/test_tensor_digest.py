"""Digests depend on weights and on nothing else."""

import torch
from torch import nn

from qabwnas.quant.tensor_digest import module_digest, tensors_digest


def test_equal_weights_have_one_digest_however_they_lie_in_memory() -> None:
    conv = nn.Conv2d(2, 3, 3)
    same = nn.Conv2d(2, 3, 3)
    same.load_state_dict(conv.state_dict())
    assert module_digest(same.to(memory_format=torch.channels_last)) == module_digest(conv)
    with torch.no_grad():
        conv.weight[0, 0, 0, 0] += 1
    assert module_digest(conv) != module_digest(same)


def test_names_dtypes_and_shapes_count() -> None:
    digests = {
        tensors_digest({"a": torch.zeros(2, 3)}),
        tensors_digest({"b": torch.zeros(2, 3)}),
        tensors_digest({"a": torch.zeros(3, 2)}),
        tensors_digest({"a": torch.zeros(2, 3, dtype=torch.int32)}),
        tensors_digest({"a": torch.zeros(2, 3), "b": torch.zeros(())}),
    }
    assert len(digests) == 5

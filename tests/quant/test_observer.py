"""Ranges over batches are those of all data together."""

import pytest
import torch

from qabwnas.errors import InputError
from qabwnas.quant.affine import Affine
from qabwnas.quant.observer import MinMaxObserver


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_batches_in_any_layout(layout: torch.memory_format) -> None:
    x = torch.randn(6, 3, 4, 5, generator=torch.Generator().manual_seed(0))
    observer = MinMaxObserver()
    for batch in x.split([1, 2, 3]):
        assert observer(batch.contiguous(memory_format=layout)) is not None
    expected = Affine.of_range(x.min(), x.max(), 8, symmetric=False)
    assert (observer.grid(8).scale, observer.grid(8).zero) == (expected.scale, expected.zero)


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_a_bad_value_is_not_forgotten(bad: float) -> None:
    observer = MinMaxObserver()
    for x in (torch.zeros(3), torch.tensor([1.0, bad]), torch.ones(3)):
        observer(x)
    with pytest.raises(InputError, match="must be finite"):
        observer.grid(8)


def test_no_data_is_an_error() -> None:
    with pytest.raises(InputError, match="no calibration data"):
        MinMaxObserver().grid(8)

"""Networks described by operations: shapes are the space's, impossible ones are refused."""

import pytest

from qabwnas.errors import InputError
from qabwnas.space import SKIP, Operation, mbconv
from tests.spaces import TINY

K3, K7 = mbconv(3, 1), mbconv(7, 4)


def test_layers_have_the_shapes_of_the_space() -> None:
    first, second = TINY.network_layers([[K7], [K3, SKIP, K7]])
    assert [layer.operations for layer in first + second] == [(K7,), (K3,), (SKIP,), (K7,)]
    assert [layer.in_channels for layer in second] == [4, 6, 6]
    assert [layer.stride for layer in second] == [2, 1, 1]
    assert [layer.dilation for layer in second] == [2, 2, 2]


@pytest.mark.parametrize(
    ("operations", "message"),
    [
        ([[K3]], "1 lists of operations were given for 2 blocks"),
        ([[K3], []], "second: no operations were given"),
        ([[SKIP], [SKIP]], "second: layer 0 changes the shape and cannot be skipped"),
    ],
)
def test_impossible_networks_are_refused(operations: list[list[Operation]], message: str) -> None:
    with pytest.raises(InputError, match=message):
        TINY.network_layers(operations)

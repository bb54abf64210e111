"""Any name survives as the name of an HDF5 member."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qabwnas.errors import InputError
from qabwnas.io.hdf5_names import decode_name, decode_names, encode_name, encode_names

NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)


@given(NAMES)
def test_decode_is_the_inverse_of_encode(name: str) -> None:
    encoded = encode_name(name)
    assert decode_name(encoded) == name
    assert "/" not in encoded
    assert "\0" not in encoded
    assert encoded != "."


def test_ordinary_names_stay_as_they_are() -> None:
    assert encode_name("latency_ms[nvidia_t4]") == "latency_ms[nvidia_t4]"
    assert encode_names(["layer04+06", "a/b", ""]) == ["000 layer04+06", "001 a%2Fb", "002"]


@given(st.lists(st.just("") | NAMES, max_size=12))
def test_numbered_names_keep_their_order_however_they_are_listed(names: list[str]) -> None:
    assert list(decode_names(reversed(encode_names(names))).values()) == names


def test_alphabetical_order_is_the_order() -> None:
    encoded = encode_names(["b"] * 1001)
    assert encoded == sorted(encoded)
    assert list(decode_names(encoded)) == encoded


def test_invalid_names_are_refused() -> None:
    with pytest.raises(InputError, match="an empty name"):
        encode_name("")
    with pytest.raises(InputError, match="not Unicode text"):
        encode_name("\ud800")


@pytest.mark.parametrize("members", [["001 b"], ["000 a", "000 b"], ["a"], ["² a"], ["000 a", "002 c"]])
def test_members_that_are_not_numbered_are_refused(members: list[str]) -> None:
    with pytest.raises(ValueError, match="is missing|does not begin with a number"):
        decode_names(members)

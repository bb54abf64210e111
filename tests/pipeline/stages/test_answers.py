"""Points of fronts: on them, evenly spaced by size, and of the bit widths that their family says."""

from __future__ import annotations

import re
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qabwnas.costs import block_costs
from qabwnas.lut.lut import Lut, LutBlock, Metric, Table
from qabwnas.pipeline.stages.answers import FoundNetwork, evenly_spaced, front_points, mixed_front_points
from qabwnas.search.frontier import Frontier
from qabwnas.space import BitWidths
from tests.spaces import TINY

WIDTHS = (BitWidths(4, 4), BitWidths(8, 8))


@pytest.fixture(scope="module")
def lut() -> Lut:
    generator = np.random.default_rng(0)
    blocks = []
    for b, block in enumerate(TINY.blocks):
        tables = []
        for widths in WIDTHS:
            size = block_costs(TINY, b, widths)["size_bytes"]
            noise = generator.integers(1, 50, block.n_candidates) / size
            tables.append(Table({"nsr": noise.round(6), "size_bytes": size}, widths))
        blocks.append(LutBlock(block.name, tuple(tables)))
    return Lut((Metric("nsr"), Metric("size_bytes")), tuple(blocks))


def test_every_family_has_points_of_its_front(lut: Lut) -> None:
    found = list(front_points(lut, WIDTHS, 3))
    assert max(Counter(each.family for each in found).values()) <= 3
    assert list(dict.fromkeys(each.family for each in found)) == ["w4a4", "w8a8", "mixed"]
    for each in found:
        if each.family != "mixed":
            assert set(each.widths) == {each.family}
        assert each.codes is not None
        assert sum(each.nsrs) == pytest.approx(float(each.totals["nsr"]))
    mixed = [each for each in found if each.family == "mixed"]
    front = Frontier.build(lut, ["nsr", "size_bytes"])
    totals = [{name: str(total) for name, total in front.totals(p).items()} for p in range(len(front))]
    assert all(each.totals in totals for each in mixed)
    sizes = [float(each.totals["size_bytes"]) for each in mixed]
    assert (sizes[0], sizes[-1]) == (front.values("size_bytes").min(), front.values("size_bytes").max())
    assert sizes == sorted(sizes)
    assert mixed == mixed_front_points(lut, 3)
    assert [each.name for each in mixed] == [f"mixed front {k}/3" for k in (1, 2, 3)]


def test_one_bit_width_has_no_mixed_front(lut: Lut) -> None:
    assert {each.family for each in front_points(lut, WIDTHS[:1], 2)} == {"w4a4"}


def test_sizes_nearest_to_even_places_are_taken() -> None:
    assert evenly_spaced([0, 1, 2, 9, 10, 30], 3) == [0, 4, 5]
    assert evenly_spaced([30, 0, 14, 16], 1) == [2]
    assert evenly_spaced([5, 3], 4) == [1, 0]
    assert evenly_spaced([], 4) == []


@given(st.lists(st.integers(0, 20), max_size=12), st.integers(1, 8))
def test_so_many_as_were_asked_for_are_taken(sizes: list[int], n: int) -> None:
    chosen = evenly_spaced(sizes, n)
    assert len(set(chosen)) == len(chosen) == min(n, len(sizes))
    if n >= 2 and sizes:
        taken = [sizes[index] for index in chosen]
        assert taken[0] == min(sizes)
        assert len(taken) < 2 or taken[-1] == max(sizes)


@pytest.mark.parametrize(
    ("budgets", "name", "label"),
    [
        ({"size_bytes": "98304"}, "size_bytes ≤ 98304", "size_bytes-98.3kB"),
        ({"size_bytes": "1500000", "macs": "2540"}, "", "size_bytes-1.5MB-macs-2.54k"),
        ({"latency_ms[pi 4]": "12.5", "nsr": "0.000001"}, "", "latency_ms-pi-4-12.5ms-nsr-0.000001"),
        ({"flops_M": "300"}, "", "flops_M-300M"),
        ({}, "mixed front 1/12", "mixed-front-1of12"),
        ({f"metric{m}": "1" for m in range(40)}, "", "metric0-1-metric1-1"),
    ],
)
def test_names_of_networks_can_be_read_and_are_names_of_files(budgets: dict[str, str], name: str, label: str) -> None:
    network = FoundNetwork(name, "budget", budgets, [3, 1], ["w4a4", "w8a8"]).network
    assert re.fullmatch(r"[\w.+-]{1,90}", network)
    assert network.startswith(label)
    assert re.fullmatch("-[0-9a-f]{6}", network[len(label) :]) or len(budgets) == 40


def test_the_hash_of_a_name_is_that_of_operations_and_bit_widths() -> None:
    def hash_of(codes: list[int], widths: list[str], budget: str = "9") -> str:
        return FoundNetwork("", "budget", {"macs": budget}, codes, widths).network.rpartition("-")[2]

    first = hash_of([3, 1], ["w4a4", "w8a8"])
    assert first == hash_of([3, 1], ["w4a4", "w8a8"], budget="7")
    others = {hash_of([1, 3], ["w4a4", "w8a8"]), hash_of([31], ["w4a4", "w8a8"]), hash_of([3, 1], ["w8a8", "w4a4"])}
    assert len(others | {first}) == 4

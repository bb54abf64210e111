"""Results of a device: the contract's example, and the message of every violation."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from qabwnas.errors import InputError, QabwnasError, RoundingWarning
from qabwnas.lut import device_results
from qabwnas.lut.device_results import Statistic, add_results, read_results
from qabwnas.lut.lut import Lut, LutBlock, Metric, Table
from qabwnas.space import BitWidths
from tests.lut.test_rows import layer_lut

CONTRACT = Path(device_results.__file__).with_name("RESULTS.md")
EXAMPLE: dict[str, Any] = json.loads(CONTRACT.read_text(encoding="utf-8").partition("```json")[2].partition("```")[0])
WIDTHS = (BitWidths(8, 8), BitWidths(4, 4))


def lut(*metrics: str) -> Lut:
    columns = {name: np.ones(2) for name in ("loss", *metrics)}
    tables = tuple(Table(columns, widths) for widths in WIDTHS)
    blocks = tuple(LutBlock(name, tables) for name in ("layer1", "layer2"))
    return Lut(tuple(Metric(name) for name in columns), blocks)


def write(tmp_path: Path, content: object) -> Path:
    path = tmp_path / "results.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


def changed(change: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
    content = copy.deepcopy(EXAMPLE)
    change(content)
    return content


def test_the_contracts_example_is_a_column(tmp_path: Path) -> None:
    added = add_results(lut(), read_results(write(tmp_path, EXAMPLE)))
    assert added.metrics[-1] == Metric("latency_ms[pi4]", "ms", "sum", 3.1)
    layer1 = added.block("layer1")
    assert layer1.column("latency_ms[pi4]")[:2].tolist() == [1.25, 1.5]
    assert [m.tolist() for m in (layer1.measured("latency_ms[pi4]"),) if m is not None] == [[True, True, False, False]]
    mask = added.block("layer2").measured("latency_ms[pi4]")
    assert mask is not None
    assert not mask.any()
    assert added.provenance["columns"]["latency_ms[pi4]"] == {
        "machine": "Raspberry Pi 4 Model B, Cortex-A72, 4 GB",
        "runtime": "onnxruntime 1.20.1, CPU",
        "threads": 1,
        "statistic": "median",
    }


@pytest.mark.parametrize(
    ("statistic", "fixed", "column"), [("fastest_quarter", 3.05, [1.24, 1.49]), ("minimum", 3.0, [1.21, 1.47])]
)
def test_other_statistics(tmp_path: Path, statistic: Statistic, fixed: float, column: list[float]) -> None:
    added = add_results(lut(), read_results(write(tmp_path, EXAMPLE)), statistic)
    assert added.metrics[-1].fixed == fixed
    assert added.block("layer1").column("latency_ms[pi4]")[:2].tolist() == column
    assert added.provenance["columns"]["latency_ms[pi4]"]["statistic"] == statistic


def test_optional_members(tmp_path: Path) -> None:
    def spare(content: dict[str, Any]) -> None:
        content["fixed"] = None
        content["blocks"]["layer1"] = [{"candidate": 3, "median_ms": 2, "minimum_ms": 2}]

    added = add_results(lut(), read_results(write(tmp_path, changed(spare))))
    assert added.metrics[-1].fixed is None
    assert added.block("layer1").column("latency_ms[pi4]")[3] == 2.0
    with pytest.raises(InputError, match=r"results\.json: blocks\.layer1\[0\]\.fastest_quarter_ms: missing"):
        add_results(lut(), read_results(write(tmp_path, changed(spare))), "fastest_quarter")


def row(content: dict[str, Any]) -> dict[str, Any]:
    first: dict[str, Any] = content["blocks"]["layer1"][0]
    return first


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c: c.update(format="other"), "format: not 'qabwnas-latency'"),
        (lambda c: c.pop("format"), "format: not 'qabwnas-latency'"),
        (lambda c: c.update(schema_version=2), "written by schema 2, this reads up to 1"),
        (lambda c: c.update(schema_version="1"), "schema_version: '1' is not a whole number of 1 or more"),
        (lambda c: c.pop("device"), "device: missing"),
        (lambda c: c.update(device="pi[4]"), "device: 'pi[4]' is not a device's name: text without brackets"),
        (lambda c: c.update(device=""), "device: '' is not a device's name"),
        (lambda c: c.update(machine=" "), "machine: ' ' is not a text"),
        (lambda c: c.update(threads=0), "threads: 0 is not a whole number of 1 or more"),
        (lambda c: c.pop("fixed"), "fixed: missing"),
        (lambda c: c["fixed"].pop("median_ms"), "fixed.median_ms: missing"),
        (lambda c: c["fixed"].update(mean_ms=1), "fixed.mean_ms: unknown field"),
        (lambda c: c.update(note="x"), "note: unknown field"),
        (lambda c: c.update(blocks={}), "blocks: not a mapping with at least one block"),
        (lambda c: c["blocks"].update(layer1=[]), "blocks.layer1: not a list with at least one candidate"),
        (lambda c: c["blocks"].update(layer1=[3]), "blocks.layer1[0]: not a mapping of fields"),
        (lambda c: row(c).pop("candidate"), "blocks.layer1[0].candidate: missing"),
        (lambda c: row(c).update(candidate=-1), "blocks.layer1[0].candidate: -1 is not a whole number of 0 or more"),
        (lambda c: row(c).update(candidate=1), "blocks.layer1[1]: candidate 1 appears twice"),
        (lambda c: row(c).update(candidate=4), "blocks.layer1[0].candidate: 4 is not in 0 … 3"),
        (lambda c: row(c).update(median_ms="1"), "blocks.layer1[0].median_ms: '1' is not a number of 0 or more"),
        (lambda c: row(c).update(median_ms=10**400), "blocks.layer1[0].median_ms: 1000"),
        (lambda c: row(c).update(median_ms=-1), "blocks.layer1[0].median_ms: -1 is not a number of 0 or more"),
        (lambda c: row(c).update(minimum_ms=9), "blocks.layer1[0].minimum_ms: 9 is above the fastest quarter 1.24"),
        (lambda c: row(c).update(fastest_quarter_ms=9),
         "blocks.layer1[0].fastest_quarter_ms: 9 is above the median 1.25"),
        (lambda c: c["fixed"].pop("fastest_quarter_ms") and c["fixed"].update(minimum_ms=4),
         "fixed.minimum_ms: 4 is above"),
        (lambda c: row(c).update(bits="w4a4"), "blocks.layer1[0].bits: 'w4a4', but candidate 0 of the LUT is w8a8"),
        (lambda c: row(c).update(nanoseconds=1), "blocks.layer1[0].nanoseconds: unknown field"),
        (lambda c: c["blocks"].update(layer9=[row(c)]), "blocks.layer9: the LUT has no such block; it has layer1, l"),
    ],
)  # fmt: skip
def test_every_violation_of_the_contract_is_named(
    tmp_path: Path, change: Callable[[dict[str, Any]], object], message: str
) -> None:
    with pytest.raises(QabwnasError, match=re.escape(f"results.json: {message}")) as caught:
        add_results(lut(), read_results(write(tmp_path, changed(change))))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "results.json: not JSON: "),
        ("[]", "results.json: not a mapping of fields"),
        (json.dumps(EXAMPLE).replace("3.1", "NaN"), "results.json: not JSON: NaN is not a number"),
        ('{"device": "a", "device": "b"}', "results.json: not JSON: the member 'device' appears twice"),
    ],
)
def test_invalid_json_is_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(QabwnasError, match=message):
        read_results(write(tmp_path, text))


def test_a_device_that_is_there_already(tmp_path: Path) -> None:
    with pytest.raises(QabwnasError, match=r"results.json: the LUT already has a metric 'latency_ms\[pi4\]'"):
        add_results(lut("latency_ms[pi4]"), read_results(write(tmp_path, EXAMPLE)))


def test_bit_widths_of_layers_are_told_apart(tmp_path: Path) -> None:
    def of_layers(bits: str) -> Callable[[dict[str, Any]], None]:
        timing = {"candidate": 1, "bits": bits, "median_ms": 2, "minimum_ms": 2}
        return lambda content: content.update(blocks={"first": [timing]})

    added = add_results(layer_lut(), read_results(write(tmp_path, changed(of_layers("w4a4 w8a6")))))
    assert added.block("first").column("latency_ms[pi4]")[1] == 2
    wrong = read_results(write(tmp_path, changed(of_layers("w4a4"))))
    with pytest.raises(QabwnasError, match="bits: 'w4a4', but candidate 1 of the LUT is w4a4 w8a6"):
        add_results(layer_lut(), wrong)


def test_rounding_is_announced(tmp_path: Path) -> None:
    text = json.dumps(EXAMPLE).replace("1.25", str(2**53 + 1)).replace("1.5", f"{2**53 + 3}.0").replace("3.1", "3.10")
    added = add_results(lut(), read_results(write(tmp_path, text)))
    layer1 = added.block("layer1")
    whole = [2**53 + 1, 2**53 + 3]
    assert layer1.column("latency_ms[pi4]")[:2].tolist() == whole
    assert [m.tolist() for m in (layer1.measured("latency_ms[pi4]"),) if m is not None] == [[True, True, False, False]]
    added.save(tmp_path / "lut.h5")
    assert Lut.open(tmp_path / "lut.h5").block("layer1").column("latency_ms[pi4]")[:2].tolist() == whole


def test_rounding_is_announced_once_per_block(tmp_path: Path) -> None:
    text = json.dumps(EXAMPLE).replace("1.25", "1.2500000000000000001").replace("1.5", "1.5000000000000000001")
    results = read_results(write(tmp_path, text))
    message = f"^{results.path}: candidate 0: blocks.layer1.median_ms: 1.2500000000000000001 is rounded"
    with pytest.warns(RoundingWarning, match=message) as caught:
        add_results(lut(), results)
    assert len(caught) == 1

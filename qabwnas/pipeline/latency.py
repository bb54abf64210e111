"""Measure latencies of a space's candidates on this machine, and how well their sums predict whole networks."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from torch import nn

from qabwnas.deploy import runner
from qabwnas.deploy.bundle import Tables, source, write_bundle
from qabwnas.errors import InputError, StaleError
from qabwnas.lut.device_results import STATISTICS
from qabwnas.progress import activity
from qabwnas.report.kendall import kendall_tau
from qabwnas.space import BitWidths, SearchSpace

N_LINES = 4
SAFE = 0.95
"""The fraction of networks that a suggested margin covers."""


@dataclass(frozen=True)
class Validation:
    """How well sums of layers predict whole networks, by one statistic of the rounds.

    Attributes:
        statistic: the median, the fastest quarter or the minimum.
        predicted_ms, measured_ms: the latency of every network.
    """

    statistic: str
    predicted_ms: list[float]
    measured_ms: list[float]

    @property
    def tau(self) -> float:
        """Kendall's tau-b between the two."""
        return kendall_tau(self.predicted_ms, self.measured_ms)

    @property
    def excess(self) -> list[float]:
        """By which fraction every network takes longer than predicted."""
        return [m / p - 1 for p, m in zip(self.predicted_ms, self.measured_ms, strict=True)]

    @property
    def bias(self) -> float:
        """The mean of :attr:`excess`."""
        return sum(self.excess) / len(self.excess)

    @property
    def margin(self) -> float:
        """The fraction to add to predictions so that ``SAFE`` of the networks do not take longer."""
        return max(0.0, float(np.quantile(self.excess, SAFE)))


def open_bundle(
    space: SearchSpace,
    tables: Tables,
    fixed_bits: BitWidths,
    folder: Path,
    n_networks: int,
    fixed_parts: tuple[nn.Module, nn.Module] | None = None,
) -> None:
    """Write a bundle unless it exists; see :func:`~qabwnas.deploy.bundle.write_bundle`.

    Raises:
        StaleError: the folder has the bundle of another space, other tables or another number of networks.
    """
    if not (folder / runner.MANIFEST).exists():
        write_bundle(space, tables, folder, fixed_bits=fixed_bits, fixed_parts=fixed_parts, n_networks=n_networks)
    elif runner.read_manifest(folder)["source"] != source(space, tables, fixed_bits, n_networks):
        raise StaleError(
            f"{folder}: holds the models of another space or other bit widths; delete it, or choose another folder"
        )


def measure(
    folder: Path, output: Path, device: str, *, threads: int, rounds: int, width: float
) -> tuple[list[Validation], list[str]]:
    """Measure a bundle on this machine and write the results; return how well sums predict, and notes on the samples.

    Raises:
        InputError: a file of the bundle is damaged.
    """
    manifest = runner.read_manifest(folder)
    try:
        with activity("latency", len(manifest["models"]), "models", n_lines=N_LINES) as shown:
            n_shown = 0

            def report(done: int, _: int) -> None:
                nonlocal n_shown
                shown.advance(done - n_shown)
                n_shown = done

            samples = runner.measure(folder, threads, rounds, width, report)
    except runner.BundleError as error:
        raise InputError(str(error)) from error
    runner.write_json(output, runner.results(manifest, samples, device, threads))
    return _validations(manifest, samples), runner.notes(manifest, samples, width)


def _validations(manifest: dict[str, Any], samples: dict[str, list[float]]) -> list[Validation]:
    networks = manifest["networks"]
    if not networks:
        return []
    fixed = runner.fixed_timing(manifest, samples)
    parts = [runner.timing(network["models"], samples, manifest["empty"]) for network in networks]
    wholes = [runner.timing([network["model"]], samples) for network in networks]
    return [
        Validation(name, [fixed[kind] + part[kind] for part in parts], [whole[kind] for whole in wholes])
        for name, kind in ((statistic, f"{statistic}_ms") for statistic in STATISTICS)
    ]

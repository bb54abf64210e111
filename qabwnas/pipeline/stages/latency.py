"""Stage 5, if the configuration has devices: add their latencies to the LUT. Writes ``lut-latency.h5``.

``lut.h5`` stays as it is, so another device never measures NSR again. Later stages search ``lut-latency.h5``. The
results of what is measured here are kept in ``latency/NAME.json``.
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from qabwnas.errors import InputError
from qabwnas.io.fingerprint import file_sha256
from qabwnas.lut.columns import add_estimate
from qabwnas.lut.device_results import DeviceResults, add_results, read_results
from qabwnas.lut.lut import Lut
from qabwnas.pipeline.bundle_tables import tables_of_lut
from qabwnas.pipeline.config.config import Config, config_to_json
from qabwnas.pipeline.config.latency import EstimatedDevice, ImportedDevice, MeasuredDevice
from qabwnas.pipeline.config.teacher import ModuleTeacher
from qabwnas.pipeline.stages import lut
from qabwnas.pipeline.stages.stage import Stage, StageContext
from qabwnas.pipeline.stages.teacher import load_teacher
from qabwnas.pipeline.stages.teacher_network import measured_parts

logger = logging.getLogger(__name__)

FILE_NAME = "lut-latency.h5"
FOLDER = "latency"
BUNDLE = "bundle"


def searched_path(config: Config, folder: Path) -> Path:
    """Return the file of the LUT that a run searches: with the latencies of its devices, if it has any."""
    return folder / (FILE_NAME if config.latency else lut.FILE_NAME)


def searched_lut(config: Config, folder: Path) -> Lut:
    """Return the LUT that a run searches."""
    return Lut.open(searched_path(config, folder))


def latency_settings(config: Config) -> dict[str, Any]:
    """Return what a stage that searches this LUT adds to its settings; nothing if there are no devices."""
    return {"latency": [device.metric_name for device in config.latency]} if config.latency else {}


def add_columns(config: Config, table: Lut, measured: Mapping[str, Path]) -> Lut:
    """Return the LUT with the column of every device that is imported, estimated, or in ``measured``.

    ``measured`` maps the name of a device to its results. Columns are in the order of the configuration.

    Raises:
        InputError: a device cannot be estimated, or its results are those of another device or another LUT, or do not
            have all candidates; the message says which device, and which blocks.
        FormatError, OSError: a file of results cannot be read.
    """
    for index, device in enumerate(config.latency):
        try:
            if isinstance(device, EstimatedDevice):
                table = add_estimate(table, device.estimate, measured_parts(config))
            elif isinstance(device, ImportedDevice):
                table = _add_results(table, device, device.results)
            elif device.name in measured:
                table = _add_results(table, device, measured[device.name])
        except InputError as error:
            raise InputError(f"latency[{index}]: {error}") from error
    return table


def _add_results(table: Lut, device: ImportedDevice | MeasuredDevice, path: Path) -> Lut:
    results = read_results(path)
    if results.device != device.name:
        raise InputError(f"{path}: the results of the device {results.device!r}, not {device.name!r}")
    with_column = add_results(table, results, device.statistic)
    _check_complete(table, results)
    return with_column


def _check_complete(table: Lut, results: DeviceResults) -> None:
    missing = []
    for block in table.blocks:
        n_missing = block.n_candidates - len(results.blocks.get(block.name, ()))
        if n_missing > 0:
            missing.append(f"{n_missing} of {block.n_candidates} candidates of block {block.name!r}")
    if missing:
        raise InputError(f"{results.path}: {results.metric_name} lacks {', '.join(missing)}; measure all of them")


def _settings(config: Config) -> dict[str, Any]:
    """Return the fields of every device by its column, with digests of files instead of their paths."""
    content = {}
    for device, fields in zip(config.latency, config_to_json(config)["latency"], strict=True):
        if isinstance(device, ImportedDevice):
            fields["results"] = file_sha256(device.results)
        content[device.metric_name] = fields
    return {"latency": content}


def _make(context: StageContext) -> list[str]:
    table = Lut.open(context.folder / lut.FILE_NAME)
    made = context.scratch / FOLDER
    made.mkdir(exist_ok=True)
    measured = {}
    for device in context.config.latency:
        if isinstance(device, MeasuredDevice):
            measured[device.name] = made / f"{device.name}.json"
            _measure(context, table, device, measured[device.name])
    add_columns(context.config, table, measured).save(context.folder / FILE_NAME)
    shutil.rmtree(context.folder / FOLDER, ignore_errors=True)  # results of other devices
    if measured:
        made.rename(context.folder / FOLDER)
    return [FILE_NAME, *(f"{FOLDER}/{path.name}" for path in measured.values())]


def _measure(context: StageContext, table: Lut, device: MeasuredDevice, output: Path) -> None:
    """Measure the candidates of the LUT on this machine; samples are kept in the scratch folder until all are done."""
    from qabwnas.pipeline.latency import measure, open_bundle  # here, because only this way needs ONNX Runtime

    settings = device.measure
    bundle = context.scratch / BUNDLE
    parts = None
    if isinstance(context.config.teacher, ModuleTeacher):
        teacher = load_teacher(context.config, context.folder)
        parts = teacher.stem, teacher.head
    open_bundle(*tables_of_lut(table), bundle, 0, parts)
    logger.info("latency: measuring %s, at most %d rounds", device.metric_name, settings.rounds)
    _, notes = measure(
        bundle, output, device.name, threads=settings.threads, rounds=settings.rounds, width=settings.width
    )
    for note in notes:
        logger.info("latency: %s: %s", device.name, note)


STAGE = Stage("latency", ("lut",), _settings, _make, applies=lambda config: bool(config.latency))

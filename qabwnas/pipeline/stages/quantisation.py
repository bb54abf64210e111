"""The quantisation of a run: what the configuration says, as the settings of measurements and of whole networks."""

from __future__ import annotations

from typing import Any

from qabwnas.measure.settings import MeasureSettings
from qabwnas.pipeline.config.config import Config
from qabwnas.quant.observers import load_observer
from qabwnas.quant.ptq import PtqSettings
from qabwnas.space import INT8


def ptq_settings(config: Config) -> PtqSettings:
    """Return how networks of a run are quantised.

    Raises:
        InputError: the observer is unknown, or a class that cannot be used.
    """
    given = config.quantisation
    return PtqSettings(load_observer(given.observer, given.percentile, config.code_folder), given.bias_correction)


def measure_settings(config: Config) -> MeasureSettings:
    """Return how candidates of a run are measured; raises as :func:`ptq_settings`."""
    return MeasureSettings(ptq_settings(config), config.quantisation.recalibrate)


def fixed_bits_setting(config: Config) -> dict[str, Any]:
    """Return the bits of stem and head as a stage's setting; none at 8 bits, which were the only ones at first."""
    return {} if config.fixed_bits == INT8 else {"fixed_bits": config.fixed_bits.name}


def network_settings(config: Config) -> dict[str, Any]:
    """Return the settings of a stage that quantises whole networks; none at the defaults, as earlier versions wrote."""
    ptq, default = ptq_settings(config), PtqSettings()
    settings = fixed_bits_setting(config)
    if (ranges := ptq.observer().description) != default.observer().description:
        settings["activations"] = ranges
    if ptq.bias_correction:
        settings["bias_correction"] = True
    return settings

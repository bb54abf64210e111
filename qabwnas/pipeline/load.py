"""Find the network of an answer in a run, and load it as a module."""

from __future__ import annotations

import os
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path

import torch
from torch import nn

from qabwnas.errors import InputError
from qabwnas.lut.lut import Lut
from qabwnas.pipeline.added import retrained_networks
from qabwnas.pipeline.answer_files import GivenAnswer, network_of, of_choice, of_search, read_answer
from qabwnas.pipeline.config.config import Config
from qabwnas.pipeline.config.load import stored_config
from qabwnas.pipeline.run import CONFIG_NAME, finished_config
from qabwnas.pipeline.stages import answers, latency, lut, networks
from qabwnas.pipeline.stages.answers import FoundNetwork
from qabwnas.pipeline.stages.control import control_networks
from qabwnas.pipeline.stages.data import load_task
from qabwnas.search.api import Answer

AnyAnswer = int | str | os.PathLike[str] | Mapping[str, int] | Answer


def load_network(
    run: str | os.PathLike[str],
    answer: AnyAnswer,
    *,
    row: int | None = None,
    retraining: int = 0,
    quantised: bool = True,
    device: str | torch.device = "cpu",
) -> nn.Module:
    """Load a retrained network of a run in evaluation mode.

    >>> network = qabwnas.load_network("runs/demo", 1)
    >>> logits = network(images)  # (n, channels, height, width) → (n, classes), or (n, classes, height, width)

    Args:
        run: the run folder.
        answer: which network. A number counts the answers of the run from 1: one per entry of ``budgets``, then the
            points of fronts. A text is the name of a network, as in the report, or else a file. A path is a file: the
            JSON of ``qabwnas search --json``, a table of ``qabwnas batch``, or a front. A mapping is a choice: block
            name → candidate. An :class:`~qabwnas.Answer` is one of :func:`qabwnas.search` in the run's LUT.
        row: the rank of the answer in the JSON of a search, the row of a table or the point of a front, from 1.
        retraining: which retraining, 0 … ``networks.seeds`` − 1.
        quantised: whether the network computes with its bit widths (fake quantisation in float32, with the QAT weights
            if the run has QAT) or in float.
        device: where its parameters and buffers are.

    The state dict of a float network has ``stem.…``, ``blocks.B.L.…`` (layer ``L`` of block ``B``, both from 0) and
    ``head.…``, with the shapes of PyTorch's layers: convolutions ``(out, in / groups, height, width)``, batch norm
    ``(channels,)``, linear layers ``(out, in)``. It equals the file ``networks/NAME-seedN.safetensors`` of the run. A
    quantised network has the same layers without batch norm, which is folded into the weights, at ``stem.1.…``,
    ``blocks.B.1.L.…`` and ``head.1.…``: the operator 0 of each part rounds its input. With QAT it equals
    ``networks/NAME-seedN-qat.safetensors``.

    Ranges of activations come from one pass over the run's calibration images, which therefore have to be there if
    ``quantised``.

    Raises:
        InputError: there is no run; the answer is none of its LUT; or its network is not retrained yet.
        FormatError: a file is damaged or none of these.
        OSError: a file cannot be read.
    """
    folder = Path(run)
    config, found = retrained_network(folder, answer, row)
    check_retraining(folder, config, retraining)
    network = networks.load_network(config, folder, found, retraining).to(device)
    if not quantised:
        return network
    calibration = networks.calibration_images(load_task(config, folder), str(device))
    return networks.load_deployed(config, folder, network, found, retraining, calibration).eval()


def check_retraining(folder: Path, config: Config, n: int) -> None:
    """Raise InputError unless the networks of a run have a retraining ``n``."""
    if not 0 <= n < config.networks.seeds:
        raise InputError(f"{folder}: retraining {n} is not in 0 … {config.networks.seeds - 1}")


def retrained_network(folder: Path, answer: AnyAnswer, row: int | None = None) -> tuple[Config, FoundNetwork]:
    """Return the configuration of a run, and the retrained network of an answer; raises as :func:`load_network`."""
    config, found = stored_config(folder / CONFIG_NAME), find_network(folder, answer, row)
    for known in retrained_networks(folder):
        if known.is_same_network(found):
            return config, known
    raise InputError(f"{folder}: {found.network} is not retrained yet; qabwnas retrain does this for the same answer")


def find_network(folder: Path, answer: AnyAnswer, row: int | None = None) -> FoundNetwork:
    """Return the network that an answer is in a run, retrained or not; raises as :func:`load_network`."""
    if row is not None and not isinstance(answer, str | os.PathLike):
        raise InputError("a row is only for an answer in a file")
    if isinstance(answer, int) or (isinstance(answer, str) and answer.isdecimal()):
        return _numbered(folder, int(answer))
    if isinstance(answer, Mapping):
        return _given(folder, of_choice(answer))
    if isinstance(answer, Answer):
        return _given(folder, of_search(answer))
    if isinstance(answer, str):
        known = {found.network: found for found in (*_own_answers(folder), *retrained_networks(folder))}
        if answer in known:
            return known[answer]
        if not Path(answer).exists():
            if answer in (control.network for control in control_networks(stored_config(folder / CONFIG_NAME))):
                raise InputError(f"{folder}: {answer} is the retrained teacher, which is no network of the LUT")
            close = get_close_matches(answer, known, n=1)
            meant = f"; is {close[0]} meant?" if close else ""
            raise InputError(f"{folder}: {answer} is neither a network of this run nor a file{meant}")
    table, name = _lut(folder)
    return network_of(read_answer(Path(answer), row, table), table, name)


def _numbered(folder: Path, number: int) -> FoundNetwork:
    finished_config(folder, answers.STAGE)
    known = answers.load_answers(folder)
    if not 1 <= number <= len(known):
        raise InputError(f"{folder}: answer {number} is not in 1 … {len(known)}")
    if known[number - 1].codes is None:
        raise InputError(f"{folder}: answer {number} ({known[number - 1].name}): no network fits")
    return known[number - 1]


def _own_answers(folder: Path) -> list[FoundNetwork]:
    path = folder / answers.FILE_NAME
    return [found for found in answers.load_answers(folder) if found.codes is not None] if path.exists() else []


def _given(folder: Path, given: GivenAnswer) -> FoundNetwork:
    return network_of(given, *_lut(folder))


def _lut(folder: Path) -> tuple[Lut, str]:
    config = finished_config(folder, lut.STAGE)
    if config.latency:
        finished_config(folder, latency.STAGE)
    path = latency.searched_path(config, folder)
    return Lut.open(path), str(path)

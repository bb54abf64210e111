"""Measure the ONNX models of a latency bundle on this machine, and write the latencies of candidates.

Needs Python 3.6, numpy and onnxruntime 1.7, or newer, and nothing of qabwnas: a bundle holds a copy of this file and of
run.py, which checks these versions and starts it. So this file uses no syntax and no library newer than Python 3.6.

    python run.py --device NAME -o RESULTS.json

Models are timed in interleaved rounds, each in a new random order, so that other load on the machine affects all models
equally, and periodic load does not always affect the same ones (randomised multiple interleaved trials: Abedi and
Brecht, ICPE 2017). Every hundred rounds the models are loaded again, also in another order: depending on where its
memory lies, a model is some tenths of a per cent slower or faster as long as it is loaded. A model is done when the
95 % confidence interval of its median is narrow.

Samples are kept in samples-<digits>.json, one file per environment (manifest, machine, ONNX Runtime, threads), so a
bundle can be copied from one board to another. If the script is started again in the same environment, it continues
these samples. RESULTS.json goes back to `qabwnas latency import`.
"""

import argparse
import hashlib
import json
import math
import os
import platform
import random
import sys
import time
from pathlib import Path
from typing import Any, Callable, Dict, List

import numpy as np
import onnxruntime
from onnxruntime.capi import onnxruntime_pybind11_state as runtime_errors

MANIFEST = "manifest.json"
FEWEST_ROUNDS = 11
FASTEST = 0.25
ROUNDS_A_LOAD = 100
BURST_MS = 2.0
LONGEST_BURST = 50
SAVE_SECONDS = 5.0
OUTLIER = 1.5
DECIMALS = 9  # of milliseconds: picoseconds, so that sums of latencies are exact and nothing is lost


RUNTIME_ERRORS = tuple(
    kind for kind in vars(runtime_errors).values() if isinstance(kind, type) and issubclass(kind, Exception)
)
"""The errors of ONNX Runtime have no common base class."""


class BundleError(Exception):
    """The bundle is damaged, or cannot be measured here."""


def main() -> None:
    """Measure the bundle that this file lies in."""
    parser = argparse.ArgumentParser(
        prog="run.py",
        description="Measure the models of a latency bundle. Needs Python 3.6, onnxruntime 1.7 and numpy, or newer.",
    )
    parser.add_argument("--bundle", type=Path, default=Path(__file__).resolve().parent, help="its folder")
    parser.add_argument(
        "--device", type=_device_name, required=True, help="what to call this machine: latency_ms[DEVICE]"
    )
    parser.add_argument("-o", "--output", type=Path, required=True, help="the results file")
    parser.add_argument("--threads", type=_count, default=1)
    parser.add_argument("--rounds", type=_count, default=200, help="the largest number of rounds")
    parser.add_argument("--width", type=_width, default=0.02, help="of the interval, to either side, relative")
    given = parser.parse_args()
    try:
        if not given.output.resolve().parent.is_dir():
            raise BundleError(f"{given.output}: its folder does not exist")
        manifest = read_manifest(given.bundle)
        samples = measure(given.bundle, given.threads, given.rounds, given.width)
        write_json(given.output, results(manifest, samples, given.device, given.threads))
    except BundleError as error:
        sys.exit(f"error: {error}")
    except OSError as error:
        sys.exit(f"error: {error.filename}: {error.strerror}")
    except KeyboardInterrupt:
        print("error: interrupted; the same command continues", file=sys.stderr)
        sys.exit(130)
    for line in notes(manifest, samples, given.width):
        print(line, file=sys.stderr)


def _device_name(text: str) -> str:
    if not text.strip() or set(text) & set("[]=,/\n\r\0"):
        raise argparse.ArgumentTypeError(f"{text!r}: a name has no brackets, '=', ',' or '/'")
    return text


def _count(text: str) -> int:
    try:
        number = int(text)
    except ValueError:
        number = 0
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of 1 or more")
    return number


def _width(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 < number < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number above 0")
    return number


def read_manifest(bundle: Path) -> Dict[str, Any]:
    """Return the manifest of a bundle.

    Raises:
        BundleError: it is damaged.
        OSError: it cannot be read.
    """
    return _read_json(bundle / MANIFEST, "copy the whole folder again")


def measure(
    bundle: Path, threads: int, most_rounds: int, width: float, report: Callable[[int, int], None] = lambda *_: None
) -> Dict[str, List[float]]:
    """Return the milliseconds of every model by name, one sample per round; continue the samples of this environment.

    A sample is the mean over a burst of runs that takes about 2 ms, after one run to warm up. In every round ``report``
    gets how many models have enough samples, and how many there are.

    Raises:
        BundleError: a file is damaged, or ONNX Runtime cannot load a model.
        OSError: a file cannot be read or written.
    """
    manifest = read_manifest(bundle)
    environment = _environment(bundle, threads)
    path = samples_path(bundle, environment)
    samples = _read_samples(path, environment)
    content = {"origin": environment, "samples": samples}
    models: Dict[str, Any] = manifest["models"]
    runs: Dict[str, _Run] = {}
    saved, shuffled = time.monotonic(), random.Random(0)
    for n in range(most_rounds):
        open_ones = [name for name in models if not is_narrow(samples.get(name, []), width, most_rounds)]
        report(len(models) - len(open_ones), len(models))
        if not open_ones:
            break
        shuffled.shuffle(open_ones)
        if n % ROUNDS_A_LOAD == 0:
            runs.clear()
            runs.update({name: _load(bundle / models[name]["file"], models[name], threads) for name in open_ones})
        for name in open_ones:
            samples.setdefault(name, []).append(runs[name].sample())
        if time.monotonic() - saved > SAVE_SECONDS:
            write_json(path, content)
            saved = time.monotonic()
    write_json(path, content)
    return samples


def _load(path: Path, model: Dict[str, Any], threads: int) -> "_Run":
    try:
        return _Run(path, model, threads)
    except RUNTIME_ERRORS as error:
        reason = " ".join(str(error).split())
        raise BundleError(f"{path}: {runtime()} cannot load it; copy it again if it is damaged: {reason}") from error


class _Run:
    """One loaded model."""

    def __init__(self, path: Path, model: Dict[str, Any], threads: int) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        self._session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        generator = np.random.RandomState(0)  # the oldest numpy has it
        if model["dtype"] == "uint8":
            values = generator.randint(0, model["levels"], model["shape"]).astype(np.uint8)
        else:
            values = generator.standard_normal(model["shape"]).astype(np.float32)
        self._feed = {self._session.get_inputs()[0].name: values}
        self._burst = 0

    def sample(self) -> float:
        """Return the milliseconds of one run."""
        self._time(1)
        if not self._burst:
            self._burst = max(1, min(LONGEST_BURST, math.ceil(BURST_MS / self._time(1))))
        return self._time(self._burst)

    def _time(self, n: int) -> float:
        start = time.perf_counter()
        for _ in range(n):
            self._session.run(None, self._feed)
        return (time.perf_counter() - start) * 1000 / n


def is_narrow(samples: List[float], width: float, most_rounds: int) -> bool:
    """Return whether a model has enough samples: the interval of its median is narrow, or all rounds are done."""
    if len(samples) >= most_rounds:
        return True
    return len(samples) >= FEWEST_ROUNDS and half_width(samples) <= width


def half_width(samples: List[float]) -> float:
    """Return half of the 95 % confidence interval of the median, by order statistics, relative to the median."""
    ordered, n = sorted(samples), len(samples)
    reach = 0.98 * math.sqrt(n)
    low = ordered[max(0, math.floor(n / 2 - reach))]
    high = ordered[min(n - 1, math.ceil(n / 2 + reach))]
    return float((high - low) / 2 / np.median(ordered))


def timing(names: List[str], samples: Dict[str, List[float]], empty: str = "") -> Dict[str, float]:
    """Return the time of models that run one after the other: the sums of medians, fastest quarters, minima, spreads.

    ``empty`` is a model that does nothing. If it is given, its time is subtracted from each model, as for parts of a
    larger model.
    """
    total = {"median_ms": 0.0, "fastest_quarter_ms": 0.0, "minimum_ms": 0.0, "spread_ms": 0.0}
    idle = _timing(samples[empty]) if empty else {}
    for name in names:
        for kind, value in _timing(samples[name]).items():
            total[kind] += value if kind == "spread_ms" else max(0.0, value - idle.get(kind, 0.0))
    total["fastest_quarter_ms"] = min(total["fastest_quarter_ms"], total["median_ms"])
    total["minimum_ms"] = min(total["minimum_ms"], total["fastest_quarter_ms"])
    return total


def _timing(times: List[float]) -> Dict[str, float]:
    ordered = np.sort(times)
    quarter, median, three_quarters = np.percentile(ordered, [25, 50, 75])
    return {
        "median_ms": float(median),
        "fastest_quarter_ms": float(np.mean(ordered[: math.ceil(FASTEST * len(ordered))])),
        "minimum_ms": float(ordered[0]),
        "spread_ms": float(three_quarters - quarter),
    }


def fixed_timing(manifest: Dict[str, Any], samples: Dict[str, List[float]]) -> Dict[str, float]:
    """Return the time of stem and head, with the time of starting a network."""
    empty = manifest["empty"]
    total, start = timing(manifest["fixed"], samples, empty), _timing(samples[empty])
    return {kind: total[kind] + start[kind] for kind in total}


def results(manifest: Dict[str, Any], samples: Dict[str, List[float]], device: str, threads: int) -> Dict[str, Any]:
    """Return the content of the results file."""
    blocks = {
        block: [
            {
                "candidate": row["candidate"],
                "bits": row["bits"],
                **_rounded(timing(row["models"], samples, manifest["empty"])),
            }
            for row in rows
        ]
        for block, rows in manifest["blocks"].items()
    }
    return {
        "format": "qabwnas-latency",
        "schema_version": 1,
        "device": device,
        "machine": machine(),
        "runtime": runtime(),
        "threads": threads,
        "fixed": _rounded(fixed_timing(manifest, samples)),
        "blocks": blocks,
    }


def _rounded(times: Dict[str, float]) -> Dict[str, float]:
    return {kind: round(value, DECIMALS) for kind, value in times.items()}


def excess_of_wholes(manifest: Dict[str, Any], samples: Dict[str, List[float]]) -> List[float]:
    """Return by which fraction every whole candidate takes longer than the sum of its layers (fastest quarters)."""
    empty = manifest["empty"]
    shares = []
    for whole in manifest["wholes"]:
        parts = timing(whole["models"], samples, empty)["fastest_quarter_ms"]
        shares.append(timing([whole["model"]], samples, empty)["fastest_quarter_ms"] / parts - 1 if parts else math.inf)
    return shares


def notes(manifest: Dict[str, Any], samples: Dict[str, List[float]], width: float) -> List[str]:
    """Return notes on the samples: wide intervals, outliers, throttling, and whether layers add up."""
    found = []
    wide = [name for name, times in samples.items() if half_width(times) > width]
    if wide:
        worst = max(wide, key=lambda name: half_width(samples[name]))
        found.append(
            f"{len(wide)} of {len(samples)} medians have intervals wider than ±{100 * width:g}%; "
            f"the widest is that of {worst}, ±{half_width(samples[worst]):.0%}"
        )
    n_outliers = sum(sum(t > OUTLIER * float(np.median(times)) for t in times) for times in samples.values())
    found.append(f"{n_outliers} of {sum(map(len, samples.values()))} samples are above {OUTLIER} × their median")
    thirds = [(times[: len(times) // 3], times[-(len(times) // 3) :]) for times in samples.values() if len(times) >= 3]
    if thirds:
        drift = float(np.median([np.median(last) / np.median(first) for first, last in thirds])) - 1
        found.append(f"the last third of the samples takes {drift:+.1%} of the first: more than a few % is throttling")
    shares = excess_of_wholes(manifest, samples)
    if shares:
        found.append(
            f"{len(shares)} whole candidates of blocks compared with the sums of their layers: "
            f"{sum(shares) / len(shares):+.1%} on average, from {min(shares):+.1%} to {max(shares):+.1%}"
        )
    return found


def machine() -> str:
    """Return a description of the machine."""
    for path, mark in (("/proc/device-tree/model", ""), ("/proc/cpuinfo", "model name")):
        try:
            text = Path(path).read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue
        for line in text.splitlines():
            if line.startswith(mark):
                name = line.rpartition(":")[2].strip(" \0")  # a device tree ends with a zero byte
                return f"{name}, {os.cpu_count()} cores"
    return f"{platform.machine()} {platform.processor()}, {os.cpu_count()} cores"


def runtime() -> str:
    """Return a description of the run-time."""
    return f"onnxruntime {onnxruntime.__version__}, CPU"


def write_json(path: Path, content: Any) -> None:
    """Write JSON so that a kill leaves either the old or the new file."""
    temporary = path.with_name(f".{path.name}.new")
    temporary.write_text(json.dumps(content) + "\n", encoding="utf-8")
    os.replace(temporary, path)


def _read_json(path: Path, advice: str) -> Dict[str, Any]:
    try:
        content: Dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:  # also where it is not UTF-8
        raise BundleError(f"{path}: is damaged, {advice}: {error}") from error
    return content


def _environment(bundle: Path, threads: int) -> Dict[str, Any]:
    """Return all that samples depend on, apart from chance."""
    digest = hashlib.sha256((bundle / MANIFEST).read_bytes()).hexdigest()
    return {"manifest": digest, "machine": machine(), "runtime": runtime(), "threads": threads}


def samples_path(bundle: Path, environment: Dict[str, Any]) -> Path:
    """Return the file with the samples of an environment."""
    digest = hashlib.sha256(json.dumps(environment, sort_keys=True).encode()).hexdigest()
    return bundle / f"samples-{digest[:8]}.json"


def _read_samples(path: Path, environment: Dict[str, Any]) -> Dict[str, List[float]]:
    """Return the samples in a file by model; none if there is no file."""
    if not path.exists():
        return {}
    advice = "delete it to measure again"
    content = _read_json(path, advice)
    if not isinstance(content, dict) or content.get("origin") != environment:
        raise BundleError(f"{path}: is damaged, {advice}: not the samples of this environment")
    samples: Dict[str, List[float]] = content["samples"]
    return samples


if __name__ == "__main__":
    main()

"""All that waits for a GPU, in one command and less than nine minutes: tests, precision, speed, and what limits it.

    python benchmarks/gpu_check.py --output gpu.json              # on one CUDA GPU
    python benchmarks/gpu_check.py --device cpu --small           # tries the script, no figure means anything

Every part runs in its own process with a time limit. If one fails, its reason is one line, its output is in the folder
of logs next to the JSON file, and the next part runs. Exit code 1 if a part failed.

The paper's figures on a Quadro RTX 8000 are 4.05 hours of distillation, 14.87 of INT8 population and 44.61 of mixed
population. The limit of a part is that peak of this GPU (matrix products, or a copy) of which it reaches the larger
share. If it reaches less than LAUNCH_SHARE of both, the host is assumed to be too slow: "launches".
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
PAPER_HOURS = {"hours": 4.05, "int8_hours": 14.87, "mixed_hours": 44.61}
LAUNCH_SHARE = 0.15
SMALL_LIMIT = 10
"""A CPU may be slow and busy: it gets this many times the time limit."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda", help="cuda (default), cuda:1 or cpu")
    parser.add_argument("--small", action="store_true", help="tiny maps, to try the script")
    parser.add_argument("--output", type=Path, default=Path("gpu_check.json"), help="JSON file (default: %(default)s)")
    parser.add_argument("--part", help=argparse.SUPPRESS)
    given = parser.parse_args()
    import torch
    from gpu_parts import PARTS, Setting

    if given.device.startswith("cuda") and not torch.cuda.is_available():
        print("error: torch finds no CUDA device; `--device cpu --small` only tries the script", file=sys.stderr)
        return 1
    if given.part is not None:
        result = PARTS[given.part][0](Setting(torch.device(given.device), given.small))
        given.output.write_text(json.dumps(result), encoding="utf-8")
        return 0
    logs = given.output.with_name(f"{given.output.stem}-logs")
    logs.mkdir(parents=True, exist_ok=True)
    parts: dict[str, Any] = {}
    for name, (_, limit_s) in PARTS.items():
        limit_s *= SMALL_LIMIT if given.small else 1
        parts[name] = run_part(name, limit_s, given.device, given.small, logs)
        content = {"device": given.device, "small": given.small, "parts": parts}
        given.output.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
        print("\n".join(report(name, parts)), flush=True)
    return int(any("failed" in part for part in parts.values()))


def run_part(name: str, limit_s: int, device: str, small: bool, logs: Path) -> dict[str, Any]:
    """Run a part in its own process, and return its result with its seconds, or the reason why it failed."""
    log, output = logs / f"{name}.log", logs / f"{name}.json"
    output.unlink(missing_ok=True)
    command = [sys.executable, __file__, "--part", name, "--device", device, "--output", str(output)]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "QABWNAS_TEST_DEVICE": device}
    start = time.perf_counter()
    with log.open("w", encoding="utf-8") as stream:
        try:
            code = subprocess.run(
                command + ["--small"] * small,
                cwd=ROOT,
                env=environment,
                stdout=stream,
                stderr=subprocess.STDOUT,
                timeout=limit_s,
                check=False,
            ).returncode
        except subprocess.TimeoutExpired:
            return {"failed": f"took longer than {limit_s} s", "log": str(log)}
    if code:
        lines = log.read_text(encoding="utf-8", errors="replace").split("\n")
        last = next((line.strip() for line in reversed(lines) if line.strip()), "no output")
        return {"failed": f"exit code {code}: {last}", "log": str(log)}
    return {"seconds": time.perf_counter() - start, **json.loads(output.read_text(encoding="utf-8"))}


def report(name: str, parts: dict[str, Any]) -> list[str]:
    """Return the lines that show a part."""
    part = parts[name]
    if "failed" in part:
        return [f"{name}: FAILED: {part['failed']} (log: {part['log']})"]
    lines = [f"{name}: {part['seconds']:.0f} s"]
    if name == "machine":
        described = (str(part.get(key)) for key in ("gpu", "driver", "torch", "cuda"))
        return [*lines, f"  GPU, driver, torch, CUDA: {', '.join(described)}; commit {part['machine']['commit']}"]
    if name == "peaks":
        return lines + [f"  {key:36} {value:.3g}" for key, value in part.items() if key != "seconds"]
    if name == "precision":
        lines.append("  block    operands  NSR float32  float16  bfloat16 (relative change)")
        for block, kinds in part.items():
            for kind, nsrs in kinds.items() if block != "seconds" else ():
                changes = (nsrs[dtype] / nsrs["float32"] - 1 for dtype in ("float16", "bfloat16"))
                lines.append(f"  {block:8} {kind:9} {nsrs['float32']:<12.6g} {'  '.join(f'{c:+.1e}' for c in changes)}")
    if name in ("distillation", "population"):
        for size, found in part.items():
            if size != "seconds":
                lines += speed(name, size, found, parts["peaks"])
    return lines


def speed(name: str, size: str, found: dict[str, Any], peaks: dict[str, Any]) -> list[str]:
    unit = "steps_per_second" if name == "distillation" else "int8_candidates_per_second"
    lines = [f"  {size}: {found[unit]:.3g} {unit.replace('_', ' ')}, {found['peak_memory_bytes'] / 1e9:.1f} GB"]
    for key, of_paper in PAPER_HOURS.items():
        if key in found:
            lines.append(f"    {key}: {found[key]:.3g} (paper, RTX 8000: {of_paper}) = {found['formula']}")
    if "failed" not in peaks:
        kind = "float16" if name == "distillation" else "float32"
        operations = found["flops_per_second"] / peaks[f"matmul_{kind}_flops"]
        moved = found["bytes_per_second"] / peaks["copy_bytes"]
        limit = "launches" if max(operations, moved) < LAUNCH_SHARE else "operations" if operations > moved else "bytes"
        lines.append(f"    {operations:.1%} of the peak of operations, {moved:.1%} of that of bytes: limit is {limit}")
    return lines


if __name__ == "__main__":
    sys.exit(main())

"""Population in shards: whatever measures them and whatever is killed, the table is the same in every bit."""

from __future__ import annotations

import random
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from qabwnas.errors import InputError, StaleError
from qabwnas.lut.lut import Lut
from qabwnas.lut.merge import merge_luts
from qabwnas.measure import shard
from qabwnas.pipeline.config.config import Config
from qabwnas.pipeline.config.load import load_config
from qabwnas.pipeline.execution.jobs import Resources
from qabwnas.pipeline.parts import populate_part
from qabwnas.pipeline.run import STAGES, run_stages
from qabwnas.space import BitWidths
from tests.pipeline.population import LARGEST_SHARD, write_config

N_SHARDS = 5


@pytest.fixture(scope="module", autouse=True)
def small_shards() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shard.space_shards, "__defaults__", (LARGEST_SHARD,))
        yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def config_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_config(tmp_path_factory.mktemp("config"))


@pytest.fixture(scope="module")
def config(config_path: Path) -> Config:
    return load_config(config_path)


@pytest.fixture(scope="module")
def trained(config: Config, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run folder with everything that comes before the LUT."""
    folder = tmp_path_factory.mktemp("run") / "trained"
    run_stages(STAGES, config, folder, until="supernet")
    return folder


@pytest.fixture
def folder(trained: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(trained, tmp_path / "run"))


@pytest.fixture(scope="module")
def whole(config: Config, trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Lut:
    """The LUT of one process that nobody interrupted."""
    folder = Path(shutil.copytree(trained, tmp_path_factory.mktemp("whole") / "run"))
    run_stages(STAGES, config, folder, until="lut")
    assert not list((folder / "scratch").iterdir())
    return Lut.open(folder / "lut.h5")


def assert_same(one: Lut, other: Lut) -> None:
    assert (one.metrics, one.provenance, one.space) == (other.metrics, other.provenance, other.space)
    for block, same in zip(one.blocks, other.blocks, strict=True):
        for name in one.metric_names:
            assert block.measured(name) is None
            assert same.measured(name) is None
            assert block.column(name).tobytes() == same.column(name).tobytes()


def test_parts_merge_to_the_whole(config: Config, folder: Path, whole: Lut) -> None:
    paths = [populate_part(config, folder, i, 2, Resources()) for i in (1, 2)]
    assert [path.name for path in paths] == ["lut-1-of-2.h5", "lut-2-of-2.h5"]
    first, second = map(Lut.open, paths)
    assert [int(part.blocks[0].measured("nsr").sum()) for part in (first, second)] == [8, 8]  # type: ignore[union-attr]
    assert_same(merge_luts({"first": first, "second": second}), whole)
    run_stages(STAGES, config, folder, until="lut")
    assert_same(Lut.open(folder / "lut.h5"), whole)


def test_a_part_that_cannot_be(config: Config, folder: Path) -> None:
    with pytest.raises(InputError, match=f"the space has {N_SHARDS} shards, so there is none for part 6 of 6"):
        populate_part(config, folder, 6, 6, Resources())
    (folder / "supernet.pt").unlink()
    with pytest.raises(InputError, match=r"supernet: supernet.pt is gone; a part needs the stages before it"):
        populate_part(config, folder, 1, 2, Resources())


def test_unfinished_shards_of_another_origin_are_refused(config: Config, folder: Path) -> None:
    populate_part(config, folder, 1, 5, Resources())
    other = replace(config, space=replace(config.space, bit_widths=(BitWidths(4, 4),)))
    with pytest.raises(StaleError, match=r'settings.bit_widths: \["w4a4", "w8a8"\] → \["w4a4"\]\); --force'):
        run_stages(STAGES, other, folder, until="lut")
    assert list((folder / "scratch" / "lut").glob("*/*.h5"))
    run_stages(STAGES, other, folder, until="lut", force=True)
    assert [len(block.tables) for block in Lut.open(folder / "lut.h5").blocks] == [1, 1]


@pytest.mark.parametrize(("what", "other"), [("device", "cuda"), ("kernels", "compiled")])  # older versions noted these
def test_a_shard_that_was_measured_with_something_else_is_refused(
    what: str, other: str, config: Config, folder: Path
) -> None:
    populate_part(config, folder, 1, 5, Resources())
    [path] = (folder / "scratch" / "lut").glob("*/b1-0.h5")
    part = Lut.open(path)
    replace(part, provenance={**part.provenance, what: other}).save(path)
    now = part.provenance.get(what)
    difference = rf'{what} \("{other}", "{now}"\)' if now else rf'{what} \("{other}", .*\)'
    with pytest.raises(StaleError, match=f"b1-0.h5: was measured with other settings or inputs: {difference}"):
        run_stages(STAGES, config, folder, until="lut")


@pytest.mark.slow
def test_two_ray_workers_give_the_table_of_one_process(config: Config, folder: Path, whole: Lut) -> None:
    ray = pytest.importorskip("ray", reason="ray is not installed")
    from qabwnas.pipeline.execution.on_ray import OnRay

    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    try:
        run_stages(STAGES, config, folder, until="lut", resources=Resources(engine=OnRay()))
    finally:
        ray.shutdown()
    assert_same(Lut.open(folder / "lut.h5"), whole)


@pytest.mark.parametrize("n_kills", [2, pytest.param(20, marks=pytest.mark.slow)])
def test_killed_populations_end_with_the_table_of_one_that_was_not(
    config: Config, config_path: Path, folder: Path, whole: Lut, n_kills: int
) -> None:
    command = [sys.executable, "-m", "tests.pipeline.population", "populate", str(config_path), "-o", str(folder)]
    moments = random.Random(5)
    for _ in range(n_kills):
        if (folder / "lut.h5").exists():
            break
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while process.poll() is None and not (folder / "scratch" / "lut").exists():
            time.sleep(0.005)
        finished = len(list((folder / "scratch" / "lut").glob("*/*.h5")))
        aim = finished + moments.randint(0, 1)  # while a shard is under way, or just as the next one begins
        while process.poll() is None:
            if len(list((folder / "scratch" / "lut").glob("*/*.h5"))) >= aim:
                break
            time.sleep(0.002)
        time.sleep(moments.uniform(0, 0.1))
        process.kill()  # SIGKILL, or nothing where it is done already
        process.wait()
    run_stages(STAGES, config, folder, until="lut")
    assert_same(Lut.open(folder / "lut.h5"), whole)

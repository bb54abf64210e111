"""Atomic writes, also on file systems without fsync; links stay, and folders and devices are refused."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

import h5py
import numpy as np
import pytest

from qabwnas.io.atomic import atomic_path
from qabwnas.io.hdf5_write import HDF5Format, create_file, write_array


def write(path: Path, text: str = "new") -> None:
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_link_stays_and_its_target_is_written(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "disk" / "data.txt").write_text("old", encoding="utf-8")
    (tmp_path / "second").symlink_to("disk/data.txt")
    (tmp_path / "first").symlink_to("second")  # a chain
    write(tmp_path / "first")
    assert (tmp_path / "disk" / "data.txt").read_text(encoding="utf-8") == "new"
    assert os.readlink(tmp_path / "first") == "second"
    assert os.readlink(tmp_path / "second") == "disk/data.txt"
    assert names(tmp_path / "disk") == ["data.txt"]


def test_a_dangling_link_creates_the_file(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "link.txt").symlink_to("disk/data.txt")
    write(tmp_path / "link.txt")
    assert (tmp_path / "link.txt").is_symlink()
    assert (tmp_path / "disk" / "data.txt").read_text(encoding="utf-8") == "new"


def test_links_in_a_cycle(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    with pytest.raises(OSError, match="symbolic links") as caught:
        write(tmp_path / "a")
    assert caught.value.filename in (tmp_path / "a", str(tmp_path / "a"))


def test_a_hard_link_of_another_file_keeps_its_content(tmp_path: Path) -> None:
    (tmp_path / "one").write_text("old", encoding="utf-8")
    os.link(tmp_path / "one", tmp_path / "two")
    write(tmp_path / "two")
    assert (tmp_path / "one").read_text(encoding="utf-8") == "old"


def test_folders_and_pipes_are_refused(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to("folder")
    os.mkfifo(tmp_path / "pipe")
    for name in ("folder", "link"):
        with pytest.raises(IsADirectoryError, match=f"is a folder: '{tmp_path}/{name}'"):
            write(tmp_path / name)
    for path in (tmp_path / "pipe", Path("/dev/null")):
        with pytest.raises(OSError, match=f"is a device or a pipe, not a file: '{path}'"):
            write(path)
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)
    assert names(tmp_path) == ["folder", "link", "pipe"]


def test_permission_bits_of_a_replaced_file_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "data.txt"
    for mode in (0o640, 0o666):
        path.touch()
        path.chmod(mode)
        write(path)
        assert stat.S_IMODE(path.stat().st_mode) == mode
    path.unlink()
    umask = os.umask(0o027)
    try:
        write(path)
    finally:
        os.umask(umask)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


@pytest.mark.parametrize("code", [errno.EINVAL, errno.ENOSYS, errno.ENOTSUP])
def test_file_systems_without_fsync(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    def refuse(_: int) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "fsync", refuse)
    write(tmp_path / "data.txt")
    assert (tmp_path / "data.txt").read_text(encoding="utf-8") == "new"


def test_a_disk_that_fails_is_an_error_of_the_target(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    (tmp_path / "data.txt").write_text("old", encoding="utf-8")
    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match=f"Input/output error: '{tmp_path}/data.txt'"):
        write(tmp_path / "data.txt")
    assert (tmp_path / "data.txt").read_text(encoding="utf-8") == "old"
    assert names(tmp_path) == ["data.txt"]


def test_the_longest_names(tmp_path: Path) -> None:
    for name in ("n" * 250 + ".txt", "é" * 125):
        write(tmp_path / name)
    assert len(names(tmp_path)) == 2


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=f"'{tmp_path}/none/data.txt'"):
        write(tmp_path / "none" / "data.txt")


def write_hdf5(path: Path) -> None:
    with create_file(path, HDF5Format("test", 1)) as file:
        for number in range(30):
            write_array(file, f"values{number}", np.arange(100.0), ("row",))


def test_a_write_protected_file_is_not_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "data.txt").write_text("old", encoding="utf-8")
    monkeypatch.setattr(os, "access", lambda path, mode: not (path.name == "data.txt" and mode == os.W_OK))
    with pytest.raises(PermissionError, match=f"is write-protected: '{tmp_path}/data.txt'"):
        write(tmp_path / "data.txt")
    assert (tmp_path / "data.txt").read_text(encoding="utf-8") == "old"


@pytest.mark.parametrize("n_left", [0, 100, 3000, 6000, 20_000])
def test_a_disk_that_is_full_for_hdf5(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, n_left: int) -> None:
    """One error that names the file, whether values, metadata or the last flush do not fit; and nothing is left."""
    left = n_left
    write_part = os.write

    def full(descriptor: int, values: memoryview) -> int:
        nonlocal left
        if not left:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        written = write_part(descriptor, values[:left])
        left -= written
        return written

    monkeypatch.setattr(os, "write", full)
    (tmp_path / "lut.h5").write_bytes(b"old")
    with pytest.raises(OSError, match=f"No space left on device: '{tmp_path}/lut.h5'"):
        write_hdf5(tmp_path / "lut.h5")
    assert names(tmp_path) == ["lut.h5"]
    assert (tmp_path / "lut.h5").read_bytes() == b"old"


def test_hdf5_files_need_no_locks(tmp_path: Path) -> None:
    """HDF5 opens no file for writing itself: then it has none to lock."""
    with create_file(tmp_path / "lut.h5", HDF5Format("test", 1)) as file:
        assert file.driver == "fileobj"
    with h5py.File(tmp_path / "lut.h5", "r", locking=False) as file:
        assert file.attrs["schema_version"] == 1

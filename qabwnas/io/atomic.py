"""Write a file atomically: after a kill at any moment, there is the complete old file or the complete new one."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# Errors of file systems without fsync or chmod (NFS, Lustre, FUSE, folders shared with a host).
_NOT_SUPPORTED = frozenset(
    {errno.EINVAL, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOTTY, errno.EBADF, errno.EACCES, errno.EPERM}
)
# A temporary name is longer than its target's; this limit leaves room for the additional characters.
_LONGEST_PREFIX = 40


@contextmanager
def atomic_path(target: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield a temporary path; when the block succeeds, fsync the file and rename it over ``target``.

    If ``target`` is a symbolic link, the file that it points to is written, and the link stays. The temporary file is
    in the folder of the written file. It has the same suffix, for writers that choose their format by it. The new file
    gets the permission bits of the file that it replaces. fsync is skipped on file systems that do not support it.

    If the block raises, the temporary file is removed and ``target`` is unchanged.

    Raises:
        OSError: the folder cannot be written, the disk is full, or ``target`` is a folder, a device or write-protected;
            the error names ``target``.
    """
    import tempfile  # here, because it is slow to load and a search writes no file

    target = Path(target)
    final = written_path(target)
    mode = _replaced_mode(final)
    prefix = f".{final.stem[:_LONGEST_PREFIX]}-"
    with _named(target):
        handle, name = tempfile.mkstemp(dir=final.parent, prefix=prefix, suffix=final.suffix)
    os.close(handle)
    temporary = Path(name)
    try:
        with _named(target, temporary):
            yield temporary
            _sync(temporary, os.O_RDWR)
            _set_mode(temporary, mode)
            temporary.replace(final)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    with _named(target):
        _sync(final.parent, os.O_RDONLY)


def written_path(target: Path) -> Path:
    """Return the file that is written for ``target``: for a symbolic link, the file that the last link points to.

    Raises:
        OSError: the links form a cycle, or the file is a folder, a device or write-protected.
    """
    final = Path(os.path.realpath(target)) if target.is_symlink() else target
    try:
        # stat() the target, not the resolved path: /dev/stdout is a link to a pipe that has no path.
        kind = target.stat().st_mode
    except FileNotFoundError:
        return final
    if stat.S_ISDIR(kind):
        raise IsADirectoryError(errno.EISDIR, "is a folder", str(target))
    if not stat.S_ISREG(kind):
        raise OSError(errno.EINVAL, "is a device or a pipe, not a file", str(target))
    if not os.access(final, os.W_OK):
        raise PermissionError(errno.EACCES, "is write-protected", str(target))
    return final


@contextmanager
def _named(target: Path, temporary: Path | None = None) -> Iterator[None]:
    """Let system errors name the target instead of no file, or instead of the temporary file, which no user knows."""
    try:
        yield
    except OSError as error:
        is_temporary = temporary is None or error.filename in (None, str(temporary))
        if error.errno is None or not is_temporary or isinstance(error, BrokenPipeError):
            raise
        raise OSError(error.errno, os.strerror(error.errno), str(target)) from error


def _replaced_mode(path: Path) -> int:
    """Return the permission bits of the replaced file, or those that open() gives to a new file."""
    try:
        return stat.S_IMODE(path.stat().st_mode)
    except FileNotFoundError:
        umask = os.umask(0)
        os.umask(umask)
        return 0o666 & ~umask


def _set_mode(path: Path, mode: int) -> None:
    try:
        path.chmod(mode)
    except OSError as error:
        if error.errno not in _NOT_SUPPORTED:
            raise


def _sync(path: Path, flags: int) -> None:
    try:
        descriptor = os.open(path, flags)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        if error.errno not in _NOT_SUPPORTED:
            raise

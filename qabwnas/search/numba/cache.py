"""The cache of compiled functions, and what happens if nothing can be cached.

Numba's own cache is not used, for three reasons. It looks at the source of one function alone: a function whose callee
has changed in another file would keep the old callee. It raises an error if no folder is writable, or if a file is cut
off. And it writes its index without a lock: two processes that compile at the same time can store the code of one
signature under the name of another.

Here each signature of each function has its own file: a checksum, then the compiled function. The file is written under
a temporary name and renamed, so that several processes can write it at the same time. A file that is not whole counts
as absent. The folder is named by a digest of all sources of this package and its
subfolders.

All folders below are read, so that a cache that was filled when a container was built serves users who cannot write to
it. Only the first writable one is written: NUMBA_CACHE_DIR alone if that is set, otherwise ``__pycache__`` beside the
sources, then the user's cache folder.
"""

from __future__ import annotations

import hashlib
import importlib.resources
import logging
import pickle
import sys
import tempfile
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any

import numba
import numpy as np
from numba.core import caching, config
from numba.core.compiler import CompileResult
from numba.core.serialize import dumps
from numba.misc.appdirs import AppDirs

from qabwnas.io.atomic import atomic_path

CHECKSUM_BYTES = 32

_log = logging.getLogger("qabwnas")


class Store:
    """The files of the cache, by name."""

    def __init__(self) -> None:
        chosen: str = config.CACHE_DIR  # type: ignore[attr-defined]  # what NUMBA_CACHE_DIR says
        given = [Path(chosen).absolute()] if chosen else []
        # Without a home, the user's cache folder is a relative path: it would be made in the working folder.
        of_user = Path(AppDirs("numba", appauthor=False).user_cache_dir)  # type: ignore[no-untyped-call]
        others = [Path(__file__).parent / "__pycache__", *([of_user] if of_user.is_absolute() else [])]
        folder = f"qabwnas-{_digest()}"
        self._read = [parent / folder for parent in given + others]
        self._written = [parent / folder for parent in given or others]
        self._has_warned = False

    @cached_property
    def folder(self) -> Path | None:
        """The folder that is written to, or ``None``."""
        return next(filter(_is_writable, self._written), None)

    def warn_if_read_only(self) -> None:
        """Log once that nothing can be cached, and what to do, if there is no folder to write to."""
        if self.folder is None:
            self._warn(f"cannot write to {', '.join(str(folder.parent) for folder in self._written)}")

    def read(self, name: str) -> bytes | None:
        """Return what was written under a name, or ``None`` if it is absent, unreadable or not whole."""
        for folder in self._read:
            try:
                content = (folder / name).read_bytes()
            except OSError:
                continue
            checksum, content = content[:CHECKSUM_BYTES], content[CHECKSUM_BYTES:]
            if hashlib.sha256(content).digest() == checksum:
                return content
        return None

    def write(self, name: str, content: bytes) -> None:
        """Write a file if there is a folder for it. After a failure this process writes nothing more."""
        if self.folder is None:
            return
        try:
            self.folder.mkdir(parents=True, exist_ok=True)  # a cleaner of old files may have removed it
            with atomic_path(self.folder / name) as temporary:
                temporary.write_bytes(hashlib.sha256(content).digest() + content)
        except OSError as error:
            self._warn(f"{self.folder}: {error.strerror}")
            self.folder = None

    def _warn(self, why: str) -> None:
        if not self._has_warned:
            self._has_warned = True
            _log.warning(
                "%s: compiled functions cannot be cached; Numba compiles them in every process, which takes about half "
                "a minute: set NUMBA_CACHE_DIR to a writable folder",
                why,
            )


class Cache(caching._Cache):
    """The cache of one function."""

    def __init__(self, function: Callable[..., Any], store: Store) -> None:
        self._name = f"{function.__module__.removeprefix(f'{__package__}.')}.{function.__qualname__}"
        self._code = hashlib.sha256(function.__code__.co_code).hexdigest()
        self._store = store
        self._is_enabled = True

    @property
    def cache_path(self) -> Path | None:
        return self._store.folder

    def enable(self) -> None:
        self._is_enabled = True

    def disable(self) -> None:
        self._is_enabled = False

    def flush(self) -> None:
        """Leave the files: they belong to these sources, and other processes read them."""

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """Return what was compiled for a signature, or ``None``."""
        target_context.refresh()
        if not self._is_enabled:
            return None
        key = self._key(sig, target_context.codegen())
        content = self._store.read(self._file(key))
        if content is not None:
            kept_key, reduced = pickle.loads(content)
            if kept_key == key:
                return CompileResult._rebuild(target_context, *reduced)  # type: ignore[no-untyped-call]
        self._store.warn_if_read_only()  # before the long compilation
        return None

    def save_overload(self, sig: Any, data: Any) -> None:
        """Store what was compiled for a signature, unless it holds addresses of this process."""
        if self._is_enabled and not data.library.has_dynamic_globals:
            key = self._key(sig, data.codegen)
            content: bytes = dumps((key, data._reduce()))  # type: ignore[no-untyped-call]
            self._store.write(self._file(key), content)

    def _key(self, sig: Any, codegen: Any) -> tuple[Any, ...]:
        return (numba.__version__, np.__version__, sys.version, self._code, codegen.magic_tuple(), sig)

    def _file(self, key: tuple[Any, ...]) -> str:
        return f"{self._name}-{hashlib.sha256(repr(key).encode()).hexdigest()[:32]}.nbc"


def _digest() -> str:
    """Return a digest of all sources here, also if they lie in a zip file or only their bytecode is installed."""
    digest = hashlib.sha256()
    folders = [importlib.resources.files(__package__)]
    for folder in folders:
        for one in sorted(folder.iterdir(), key=lambda one: one.name):
            if one.name.endswith((".py", ".pyc")):
                digest.update(one.name.encode() + b"\0" + one.read_bytes() + b"\0")
            elif one.is_dir() and one.name != "__pycache__":
                folders.append(one)
    return digest.hexdigest()[:16]


def _is_writable(folder: Path) -> bool:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError:
        return False
    return True

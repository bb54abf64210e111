"""Objects of a user's code, found by their dotted path ``package.name``.

Importing and calling code of users may raise any error. Each becomes one line with the file and line of that code
(``--debug`` shows the traceback).
"""

from __future__ import annotations

import importlib
import inspect
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar, cast

from qabwnas.errors import InputError

T = TypeVar("T")

DOTTED_PATH = r"^[^\W\d]\w*(\.[^\W\d]\w*)+$"
"""A pattern of dotted paths with two or more names."""


def load_object(name: str, folder: Path | None = None) -> Any:
    """Return the object ``package.name``.

    Its package is searched for in ``folder``, and then where Python looks for packages. The folder stays on
    ``sys.path``, because the code may later import other files in it.

    Raises:
        InputError: the package cannot be imported, or has no such object.
    """
    package, _, attribute = name.rpartition(".")
    module = _imported(name, package, folder)
    if not hasattr(module, attribute):
        raise InputError(f"{name}: {module.__name__} ({_file(module)}) has no {attribute!r}{_own_names(module)}")
    return getattr(module, attribute)


def load_class(name: str, base: Callable[..., T], folder: Path | None = None) -> type[T]:
    """Return the class ``package.name``, which is derived from ``base`` and has all its abstract methods.

    Raises:
        InputError: as :func:`load_object`, or it is no such class; the message names the methods that are missing.
    """
    assert isinstance(base, type)  # its annotation allows abstract classes
    found = load_object(name, folder)
    if not isinstance(found, type) or not issubclass(found, base):
        what = f"the class {found.__qualname__}" if isinstance(found, type) else type(found).__name__
        raise InputError(f"{name}: is {what}, not a class derived from {base.__module__}.{base.__qualname__}")
    missing = sorted(getattr(found, "__abstractmethods__", ()))
    if missing:
        raise InputError(
            f"{name}: the class has no method {', '.join(missing)} ({base.__qualname__} says what it does)"
        )
    return cast("type[T]", found)


def call(name: str, function: Callable[..., T], *arguments: Any, **settings: Any) -> T:
    """Return what the user's ``function`` of that name returns.

    Raises:
        InputError: it does not take these arguments, or raises an error.
    """
    try:
        inspect.signature(function).bind(*arguments, **settings)
    except TypeError as error:
        given = "without arguments" if not arguments and not settings else "with the given settings"
        raise InputError(f"{name}: not a function that can be called {given}: {error}") from error
    except ValueError:  # code in C without a signature: try the call
        pass
    try:
        return function(*arguments, **settings)
    except InputError as error:
        raise InputError(f"{name}: {error}") from error
    except Exception as error:
        raise InputError(f"{name}: raised {described(error)}") from error


def described(error: Exception) -> str:
    """Return type and message of an error in user code, with the innermost file and line."""
    text = f"{type(error).__name__}: {' '.join(str(error).split())}".removesuffix(": ")
    frames = traceback.extract_tb(error.__traceback__)
    if isinstance(error, SyntaxError) and error.filename is not None:
        return f"{type(error).__name__}: {error.msg} ({error.filename}, line {error.lineno})"
    own = [frame for frame in frames if not frame.filename.startswith("<frozen ") and frame.filename != __file__]
    own = [frame for frame in own if Path(frame.filename).parent.name != "importlib"]
    return f"{text} ({own[-1].filename}, line {own[-1].lineno})" if own else text


def _imported(name: str, package: str, folder: Path | None) -> ModuleType:
    if folder is not None:
        _check_not_loaded(name, package.partition(".")[0], folder)
        if str(folder) not in sys.path:
            sys.path.insert(0, str(folder))
            importlib.invalidate_caches()
    try:
        return importlib.import_module(package)
    except ModuleNotFoundError as error:
        if error.name is not None and f"{package}.".startswith(f"{error.name}."):
            looked = f" in {folder} or among" if folder else " among"
            add = "" if folder else "; add the folder of its package to PYTHONPATH"
            raise InputError(f"{name}: there is no module {error.name!r}{looked} installed packages{add}") from error
        raise InputError(f"{name}: importing {package} raised {described(error)}") from error
    except Exception as error:
        raise InputError(f"{name}: importing {package} raised {described(error)}") from error


def _check_not_loaded(name: str, top: str, folder: Path) -> None:
    """Refuse a module of the folder if another module of that name is loaded: Python would use the loaded one."""
    loaded = sys.modules.get(top)
    if loaded is None or not ((folder / f"{top}.py").exists() or (folder / top / "__init__.py").exists()):
        return
    if Path(_file(loaded)).resolve() not in [(folder / name).resolve() for name in (f"{top}.py", f"{top}/__init__.py")]:
        other = f"another one of that name is loaded ({_file(loaded)})"
        raise InputError(f"{name}: {folder} has a module {top!r}, but {other}; rename it")


def _file(module: ModuleType) -> str:
    return getattr(module, "__file__", None) or "built in"


def _own_names(module: ModuleType) -> str:
    own = [name for name, value in vars(module).items() if getattr(value, "__module__", None) == module.__name__]
    return f"; it has {', '.join(own)}" if own else ""

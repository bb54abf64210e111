"""A teacher made elsewhere: its function, imported from where its configuration is, and called.

The function and the module around it are code of the user, which may raise anything: whatever it raises is told in one
line with the file and line of that code (``--debug`` shows the traceback).
"""

from __future__ import annotations

import importlib
import inspect
import sys
import traceback
from pathlib import Path
from types import ModuleType
from typing import Any

from torch import nn
from torch.nn.parameter import is_lazy

from qabwnas.errors import InputError


def make_module(name: str, folder: Path | None = None) -> nn.Module:
    """Return what the function of that name, ``package.function``, gives when it is called.

    Its package is looked for in ``folder``, and then where Python looks for packages. The folder stays on ``sys.path``,
    because such code may import what is beside it later on, too.

    Raises:
        InputError: it cannot be imported, needs arguments, raises an error, or gives no module.
    """
    package, _, function = name.rpartition(".")
    module = _imported(name, package, folder)
    if not hasattr(module, function):
        raise InputError(f"{name}: {module.__name__} ({_file(module)}) has no {function!r}{_functions(module)}")
    make = getattr(module, function)
    if not callable(make):
        raise InputError(f"{name}: is {type(make).__name__}, not a function that gives a module of torch")
    _check_arguments(name, make)
    try:
        given = make()
    except Exception as error:
        raise InputError(f"{name}: raised {_described(error)}") from error
    if not isinstance(given, nn.Module):
        raise InputError(f"{name}: gives {type(given).__name__}, not a module of torch")
    for key, value in [*given.named_parameters(), *given.named_buffers()]:
        if is_lazy(value):
            raise InputError(f"{name}: {key} has no shape yet (a lazy module); run the module once in the function")
    return given


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
            looked = "" if folder is None else f" in {folder} or"
            raise InputError(f"{name}: there is no module {error.name!r}{looked} among installed packages") from error
        raise InputError(f"{name}: importing {package} raised {_described(error)}") from error
    except Exception as error:
        raise InputError(f"{name}: importing {package} raised {_described(error)}") from error


def _check_not_loaded(name: str, top: str, folder: Path) -> None:
    """Refuse a module of the folder whose name another one has that this process has loaded: that one would be used."""
    loaded = sys.modules.get(top)
    if loaded is None or not ((folder / f"{top}.py").exists() or (folder / top / "__init__.py").exists()):
        return
    if Path(_file(loaded)).resolve() not in [(folder / name).resolve() for name in (f"{top}.py", f"{top}/__init__.py")]:
        other = f"another one of that name is loaded ({_file(loaded)})"
        raise InputError(f"{name}: {folder} has a module {top!r}, but {other}; rename it")


def _file(module: ModuleType) -> str:
    return getattr(module, "__file__", None) or "built in"


def _functions(module: ModuleType) -> str:
    own = [name for name, value in vars(module).items() if getattr(value, "__module__", None) == module.__name__]
    return f"; it has {', '.join(own)}" if own else ""


def _check_arguments(name: str, make: Any) -> None:
    try:
        inspect.signature(make).bind()
    except TypeError as error:
        raise InputError(f"{name}: not a function that can be called without arguments: {error}") from error
    except ValueError:  # code in C without a signature: the call will tell
        return


def _described(error: Exception) -> str:
    """Return kind and message of an error of other code, and the innermost file and line that it came from."""
    text = f"{type(error).__name__}: {' '.join(str(error).split())}".removesuffix(": ")
    frames = traceback.extract_tb(error.__traceback__)
    if isinstance(error, SyntaxError) and error.filename is not None:
        return f"{type(error).__name__}: {error.msg} ({error.filename}, line {error.lineno})"
    own = [frame for frame in frames if not frame.filename.startswith("<frozen ") and frame.filename != __file__]
    own = [frame for frame in own if Path(frame.filename).parent.name != "importlib"]
    return f"{text} ({own[-1].filename}, line {own[-1].lineno})" if own else text

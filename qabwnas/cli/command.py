"""What every command starts from: click's classes with stricter and friendlier manners, and the check for packages."""

from __future__ import annotations

from difflib import get_close_matches
from importlib.util import find_spec
from typing import Any

import click

from qabwnas.errors import InputError

PACKAGES = {
    "train": ("torch", "sklearn", "scipy", "PIL", "pydantic", "rich", "safetensors", "plotly"),
    "plot": ("plotly", "kaleido"),
    "explore": ("dash", "plotly"),
    "ray": ("ray",),
    "logs": ("tensorboard",),
    "deploy": ("onnx", "onnxruntime"),
    "baselines": ("pymoo",),
}
"""The packages of the optional extras."""


DEBUG = "qabwnas.debug"
"""The key in click's ``ctx.meta`` that ``--debug`` after the name of a command sets."""


class Command(click.Command):
    """A command that refuses an option that is given twice, unless it is declared ``multiple`` or ``count``.

    click would silently take the last value. The command also takes the program's ``--debug``.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.params.append(_debug_option())

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        _refuse_repeated(self, ctx, args)
        return super().parse_args(ctx, args)


class Group(click.Group):
    """A group of such commands; its own options follow the same rule. It suggests names for misspelt commands."""

    command_class = Command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if self.get_command(ctx, name) is None and not name.startswith("-") and not ctx.resilient_parsing:
            similar = get_close_matches(name, self.list_commands(ctx), n=1)
            hint = f" Did you mean {similar[0]!r}?" if similar else ""
            raise click.UsageError(f"No such command {name!r}.{hint}", ctx)
        return super().resolve_command(ctx, args)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        _refuse_repeated(self, ctx, args)
        return super().parse_args(ctx, args)


def _debug_option() -> click.Option:
    def remember(ctx: click.Context, param: click.Parameter, value: bool) -> None:  # noqa: ARG001 - click's signature
        if value:
            ctx.meta[DEBUG] = True

    return click.Option(["--debug"], is_flag=True, hidden=True, is_eager=True, expose_value=False, callback=remember)


def _refuse_repeated(command: click.Command, ctx: click.Context, args: list[str]) -> None:
    """Raise a UsageError that names the first option that is given twice and may not be repeated.

    Eager options such as ``--help`` end the program and are not checked.
    """
    if ctx.resilient_parsing:
        return
    _, _, given = command.make_parser(ctx).parse_args(args=list(args))
    seen: list[click.Parameter] = []
    for option in given:
        if isinstance(option, click.Option) and not (option.multiple or option.count or option.is_eager):
            if option in seen:
                raise click.UsageError(f"{'/'.join(option.opts)} is given twice.", ctx)
            seen.append(option)


def require_extras(*extras: str) -> None:
    """Check that the packages of optional extras are installed, without importing them.

    Raises:
        InputError: a package is missing; the message says how to install it.
    """
    missing = [package for extra in extras for package in PACKAGES[extra] if find_spec(package) is None]
    if missing:
        raise InputError(f"needs {', '.join(missing)}: pip install 'qabwnas[{','.join(extras)}]'")

"""What every command starts from: click's classes without repeated options, and the check for optional packages."""

from __future__ import annotations

from importlib.util import find_spec

import click

from qabwnas.errors import InputError

PACKAGES = {
    "train": ("torch", "sklearn", "scipy", "PIL", "pydantic", "rich", "safetensors"),
    "plot": ("matplotlib",),
    "ray": ("ray",),
    "logs": ("tensorboard",),
    "deploy": ("onnx", "onnxruntime"),
    "baselines": ("pymoo",),
}
"""The packages of the optional extras."""


class Command(click.Command):
    """A command that refuses an option that is given twice, unless it is declared ``multiple`` or ``count``.

    click would silently take the last value.
    """

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        _refuse_repeated(self, ctx, args)
        return super().parse_args(ctx, args)


class Group(click.Group):
    """A group of such commands; its own options follow the same rule."""

    command_class = Command

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        _refuse_repeated(self, ctx, args)
        return super().parse_args(ctx, args)


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

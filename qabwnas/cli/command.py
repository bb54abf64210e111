"""The classes of all commands: an option that does not add up is refused where it is given twice.

click would take the last value without a word.
"""

from __future__ import annotations

import click


class Command(click.Command):
    """A command whose options may be given twice only where they are declared ``multiple`` or ``count``."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        _refuse_repeated(self, ctx, args)
        return super().parse_args(ctx, args)


class Group(click.Group):
    """A group of such commands, whose own options follow the same rule."""

    command_class = Command

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        _refuse_repeated(self, ctx, args)
        return super().parse_args(ctx, args)


def _refuse_repeated(command: click.Command, ctx: click.Context, args: list[str]) -> None:
    """Raise a UsageError that names the first option that is given twice and cannot be.

    Eager options such as ``--help`` end the program and are not looked at.
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

"""``qabwnas config``: check a configuration, and print the JSON schema of configurations."""

from __future__ import annotations

from pathlib import Path

import click

from qabwnas.cli.command import Group, require_extras


@click.group(name="config", cls=Group)
def command() -> None:
    """Check a configuration, or print the schema of configurations."""


@command.command(name="check")
@click.argument("config_path", metavar="CONFIG.yaml", type=click.Path(path_type=Path))
def check_command(config_path: Path) -> None:
    """Check all of CONFIG.yaml, its space and its budgets, and print one line per error. Nothing is trained."""
    require_extras("train")
    from qabwnas.pipeline.config.load import load_config

    load_config(config_path)
    click.echo(f"{config_path}: valid")


@command.command(name="schema")
def schema_command() -> None:
    """Print the JSON schema (draft 2020-12) of configurations: all fields, with types, defaults and descriptions.

    Editors complete and check with it. For the YAML language server, save it as schema.json and write
    `# yaml-language-server: $schema=schema.json` at the top of CONFIG.yaml.
    """
    require_extras("train")
    import json

    from qabwnas.pipeline.config.config import config_schema

    click.echo(json.dumps(config_schema(), indent=2, ensure_ascii=False))

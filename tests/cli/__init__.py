"""Commands as they are typed."""

from __future__ import annotations

from click.testing import CliRunner, Result

from qabwnas.cli.main import main
from qabwnas.search.engine.backend import select_backend

BACKEND = select_backend().name


def run(*arguments: object) -> Result:
    """Run ``qabwnas`` with these arguments, in this process."""
    return CliRunner().invoke(main, [str(argument) for argument in arguments], prog_name="qabwnas")

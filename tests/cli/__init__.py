"""Commands as they are typed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from click.testing import CliRunner, Result

from qabwnas.cli.main import main
from qabwnas.search.engine.backend import select_backend

BACKEND = select_backend().name


def run(*arguments: object) -> Result:
    """Run ``qabwnas`` with these arguments, in this process."""
    return CliRunner().invoke(main, [str(argument) for argument in arguments], prog_name="qabwnas")


@contextmanager
def jobs_in_this_process() -> Iterator[None]:
    """Do the jobs of commands in this process: a worker process takes seconds to start."""
    from qabwnas.pipeline.execution import processes
    from qabwnas.pipeline.execution.jobs import Serial

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(processes, "Processes", lambda _: Serial())
        yield

"""``python -m qabwnas`` is the ``qabwnas`` command."""

from qabwnas.cli.main import main

main(prog_name="qabwnas")

"""Decimal grids: the counterpart of ``csrc/numeric``."""

"""Exact fronts: ``csrc/front``."""

"""Dominance tests and pruning of one block: ``csrc/pareto``."""

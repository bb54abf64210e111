"""Reference searches: the counterpart of ``csrc/baselines``."""

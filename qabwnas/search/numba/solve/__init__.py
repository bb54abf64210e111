"""Direct search: the counterpart of ``csrc/solve``."""

"""Queries of a built front: the counterpart of ``csrc/query``."""

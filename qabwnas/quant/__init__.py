"""Affine quantisation: quantisers, range observers, batch-norm folding, policies applied to modules."""

"""Affine quantisation: quantisers, range observers, batch-norm folding, quantised modules."""

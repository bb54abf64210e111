"""Constraints of a search: scopes (bit widths, operations, weights) and regions of a front."""

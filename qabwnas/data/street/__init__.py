"""Synthetic street scenes with exact labels, drawn in perspective from a seed."""

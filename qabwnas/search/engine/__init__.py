"""Backends, the strategy (front or direct), and reconstruction of choices."""

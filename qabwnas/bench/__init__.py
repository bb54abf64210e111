"""The search against its baselines: what `qabwnas bench` runs."""

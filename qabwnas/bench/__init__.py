"""`qabwnas bench`: the exact search compared with its baselines."""

"""Problems, statuses and cancellation: ``csrc/core``."""

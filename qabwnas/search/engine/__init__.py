"""The search backends, the strategy (front or direct search), and the reconstruction of choices."""

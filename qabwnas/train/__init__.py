"""Train teachers, supernets and chosen networks: one loop, exactly resumable."""

"""Safe reading and writing: atomic writes, SHA-256 digests, checked HDF5, YAML and numbers."""

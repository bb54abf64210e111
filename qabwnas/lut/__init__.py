"""Look-up tables: in memory, in HDF5, and as CSV."""

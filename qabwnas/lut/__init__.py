"""Look-up tables: in memory, in HDF5 files, as CSV and Parquet, and imported from tables of other programs."""

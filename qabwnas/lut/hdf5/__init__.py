"""LUTs in HDF5 files; FORMAT.md in the folder above is the contract."""

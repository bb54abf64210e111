"""Files and HDF5, read and written safely: atomic writes, digests, checked reading."""

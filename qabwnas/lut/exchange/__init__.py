"""LUTs as CSV and Parquet tables, which other programs can read and write; FORMAT.md is the contract."""

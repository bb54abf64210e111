"""Many budgets at once, as CSV or Parquet."""

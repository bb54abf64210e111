"""What an answer may be: bit widths, operations, regions of a front."""

"""A search as integers: metric grids, the problem instance, chunked reading, weights, totals."""

"""The search problem in integers: metric grids, columns, the problem instance, reading in chunks, weights, totals."""

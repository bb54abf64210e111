"""The parts of a :class:`qabwnas.Frontier`: its points, its region of the exact front, the query index, its files."""

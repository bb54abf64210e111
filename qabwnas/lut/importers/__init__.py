"""Importers of tables of other programs: one module per format, chosen in :mod:`qabwnas.lut.importers.formats`."""

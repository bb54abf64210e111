"""Tables that others made, read as LUTs: a file a format, chosen in :mod:`qabwnas.lut.importers.formats`."""

"""Measuring candidates: NSR under quantisation, LUT population."""

"""Data sets, divided into train, calibration, validation and test."""

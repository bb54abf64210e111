"""Datasets and their fixed splits."""

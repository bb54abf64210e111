"""Quantization-aware block-wise neural architecture search with a compiled search core."""

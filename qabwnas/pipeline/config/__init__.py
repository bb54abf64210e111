"""The configuration of a run: declared, read from YAML, written as JSON."""

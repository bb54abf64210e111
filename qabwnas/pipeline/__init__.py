"""The stages in order, from a teacher to a table: each reads files and writes files, and can be resumed."""

"""LUTs as text: ``block,candidate,choice_description,<a column a metric>``, plain or compressed by gzip.

Blocks stand in order of appearance; candidates count from 0 inside a block. A column that is empty everywhere is a
metric that is absent; an empty cell in a column that has values elsewhere is a row that was not measured. Numbers are
decimal text and become the nearest double. ``choice_description`` may be absent; an optional column ``bits`` (``w4a4``)
parts a block into tables, one a bit width. Lines in front of the header that begin with ``#`` are comments; what rows
do not say is in one of them (:mod:`qabwnas.lut.table_metadata`). With it, a column ``code`` has the codes of rows whose
layers have bit widths of their own. Numbers of more than 15 digits are held where int64 holds the column, or rounded.
"""

BLOCK, CANDIDATE, BITS, DESCRIPTION = "block", "candidate", "bits", "choice_description"
CODE = "code"
RESERVED = (BLOCK, CANDIDATE, BITS, DESCRIPTION)

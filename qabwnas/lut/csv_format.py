"""LUTs as text: ``block,candidate,choice_description,<a column a metric>``, plain or compressed by gzip.

Blocks stand in order of appearance; candidates count from 0 inside a block. A column that is empty everywhere is a
metric that is absent; an empty cell in a column that has values elsewhere is a row that was not measured. Numbers are
decimal text and become the nearest double. ``choice_description`` may be absent; an optional column ``bits`` (``w4a4``)
parts a block into tables, one a bit width. Space, provenance, aggregation and fixed parts are not in the text.
"""

BLOCK, CANDIDATE, BITS, DESCRIPTION = "block", "candidate", "bits", "choice_description"
RESERVED = (BLOCK, CANDIDATE, BITS, DESCRIPTION)

"""Small search spaces: a fixed one, and a hypothesis strategy over every feature that a space can have."""

from __future__ import annotations

from hypothesis import strategies as st

from qabwnas.space import SKIP, BitWidths, Block, Head, Operation, SearchSpace, Shape, Stem, mbconv, mbconvs

TINY = SearchSpace(
    name="tiny",
    input=Shape(1, 8, 6),
    stem=Stem(channels=4, kernel=3, stride=1),
    blocks=(
        Block("first", 4, 4, 2, 1, 1, (mbconv(3, 1), mbconv(5, 2), SKIP)),
        Block("second", 4, 6, 2, 2, 2, (mbconv(3, 2), mbconv(3, 3), SKIP)),
    ),
    head=Head("classifier", 3),
    bit_widths=(BitWidths(4, 4), BitWidths(8, 6)),
)

OTHERS = tuple(map(Operation.parse, ("fused_k3e1", "fused_k3e2", "se_k3e1", "se_k5e2")))
OPERATIONS = (*mbconvs((1, 3, 5), (1, 2)), *OTHERS, SKIP)
STEMS = st.builds(Stem, st.integers(1, 4), st.sampled_from([1, 3]), st.integers(1, 2), st.none() | st.integers(1, 4))
NO_SETTINGS = st.just(())
HEADS = st.builds(Head, st.just("classifier"), st.integers(1, 4), settings=NO_SETTINGS) | st.builds(
    Head,
    st.just("deeplabv3"),
    st.integers(1, 3),
    st.integers(1, 3),
    st.lists(st.integers(1, 3), min_size=1, max_size=3).map(tuple),
    NO_SETTINGS,
)


@st.composite
def spaces(draw: st.DrawFn) -> SearchSpace:
    """A space of at most two blocks of at most three layers."""
    stem = draw(STEMS)
    blocks: list[Block] = []
    channels = stem.out_channels
    for index in range(draw(st.integers(1, 2))):
        operations = draw(st.lists(st.sampled_from(OPERATIONS[:-1]), min_size=1, max_size=2, unique=True))
        block = Block(
            name=f"block{index}",
            in_channels=channels,
            out_channels=draw(st.sampled_from([channels, 3])),
            n_layers=draw(st.integers(1, 3)),
            stride=draw(st.integers(1, 2)),
            dilation=draw(st.integers(1, 2)),
            operations=(*operations, SKIP) if draw(st.booleans()) else tuple(operations),
        )
        channels = block.out_channels
        blocks.append(block)
    shape = Shape(draw(st.integers(1, 3)), draw(st.integers(1, 9)), draw(st.integers(1, 9)))
    return SearchSpace("drawn", shape, stem, tuple(blocks), draw(HEADS), (BitWidths(4, 8),))


def codes(draw: st.DrawFn, space: SearchSpace) -> list[int]:
    """A candidate code a block."""
    return [draw(st.integers(0, block.n_candidates - 1)) for block in space.blocks]

"""Population of a LUT: the tree of prefixes against one candidate after the other, on one block of four layers.

    python benchmarks/bench_population.py [--full] [--json RESULTS.json]

The block is the third of the paper's space (six operations a layer, 32 → 64 channels, dilation 2) at 8 bits, on feature
maps of 24×48. Three ways, each in a process of its own with one thread, on the same weights and images:

- tree: what `qabwnas populate` does, in the environment that it gives its workers;
- one by one, same engine: every candidate through the same kernels, in the same environment;
- one by one, plain: torch's fake-quantise kernels, batch norm left as it is in memory order, default malloc.

All give the same NSR. Without --full the ways one by one measure every 36th candidate, and their time is multiplied;
with it, all of them.
"""

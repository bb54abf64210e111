// Sizes from which the engine works differently: which of several algorithms is faster, and how much is done at once.
//
// No answer depends on them, except for the number of points beyond which a front ends at its limit. The defaults are
// the production values, chosen by measurement. Tests and the fuzzer shrink them, so that small inputs take every path.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>

namespace qabwnas {

// How often each path was taken that only large inputs take. Tests count them to prove that they ran.
struct PathCounts {
    std::size_t prefilter_rounds = 0, prefilter_repeats = 0, large_indexes = 0, cell_sorts = 0;
    std::size_t merges_with_table = 0, merges_without_table = 0, exact_axes = 0, slab_reductions = 0;
    std::size_t reordered_sweeps = 0, joined_blocks = 0;
    std::size_t pricings = 0, cores = 0, large_neighbourhoods = 0, nodes_on_stack = 0, coarsened_states = 0;
    std::size_t query_tables = 0;
};

struct Tuning {
    // Pruning of a block.
    std::size_t prefilter_rows = 48;          // for each of the k: no more rows are swept without prefilter
    std::size_t prefilter_again_rows = 4096;  // for each of the k: no more rows that are left are kept as they are
    std::size_t prefilter_batch = 2048;       // rows looked at together
    std::size_t fewest_sampled = 128, most_sampled = 16384;  // rows of the prefilter's sample, for each of the k
    std::size_t large_index_points = 4096;                   // a dominance index of so many points has a large grid
    std::size_t skyband_points_per_cell = 8;
    std::size_t cell_sort_points = 96;  // more points are sorted by cells

    // Building a front.
    std::size_t enough_totals = 1 << 16;  // sums that can have fewer come later in a sweep
    std::size_t most_joined_pairs = 150;  // small blocks are joined while they make no more pairs
    std::size_t most_cells = 1 << 17;     // of a merge's table, if there are enough pairs
    std::size_t fewest_slab_pairs = 128, most_slab_pairs = 1 << 16;
    std::size_t two_metric_slab_pairs = 1 << 15;  // of a merge over two metrics
    std::size_t most_open_pairs = 1 << 18;        // that a slab may leave open before they are reduced
    std::size_t most_points = std::numeric_limits<std::int32_t>::max();  // of a front: back-pointers have 32 bits

    // Direct search.
    std::size_t pricing_rows = 2048;                     // so many rows under several budgets are priced before pruning
    std::size_t most_open_bytes = std::size_t{1} << 30;  // of open nodes; those beyond are searched depth first
    std::size_t lns_after_nodes = 300;                   // then large-neighbourhood searches begin
    std::size_t most_dp_states = 4096;                   // per depth; more are coarsened

    // Queries of a front.
    // Fewer queries do not pay off for a thread: a tree query takes a tenth of a microsecond or more, a table query a
    // few nanoseconds, and starting a thread about twenty microseconds.
    std::size_t tree_queries_per_thread = 512, table_queries_per_thread = 1 << 15;
    std::size_t brute_force_rows = 2048;  // rows of the innermost block at once

    PathCounts* counts = nullptr;  // where to count, if anywhere

    void count(std::size_t PathCounts::* path) const {
        if (counts != nullptr) ++(counts->*path);
    }
};

}  // namespace qabwnas

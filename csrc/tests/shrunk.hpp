// Tunings with which small inputs take the paths of large ones. For tests and fuzzing.
#pragma once

#include "core/tuning.hpp"

namespace qabwnas {

// draw(low, high): a number from low to high, inclusive.
template <class Draw>
Tuning shrunk(const Draw& draw) {
    const auto count = [&](int low, int high) { return static_cast<std::size_t>(draw(low, high)); };
    Tuning tuning;
    tuning.prefilter_rows = count(0, 4);
    tuning.prefilter_again_rows = count(0, 4);
    tuning.prefilter_batch = count(1, 6);
    tuning.fewest_sampled = count(1, 8);
    tuning.most_sampled = tuning.fewest_sampled + count(0, 16);
    tuning.large_index_points = count(0, 20);
    tuning.skyband_points_per_cell = count(1, 3);
    tuning.cell_sort_points = count(2, 12);
    tuning.enough_totals = count(1, 40);
    tuning.most_joined_pairs = count(0, 30);
    tuning.most_cells = count(1, 2) == 1 ? count(1, 200) : Tuning{}.most_cells;
    tuning.fewest_slab_pairs = count(1, 4);
    tuning.most_slab_pairs = tuning.fewest_slab_pairs + count(0, 12);
    tuning.two_metric_slab_pairs = count(1, 12);
    tuning.most_open_pairs = count(1, 12);
    tuning.pricing_rows = count(0, 8);
    tuning.most_open_bytes = count(0, 255) * 16;
    tuning.lns_after_nodes = count(0, 6);
    tuning.most_dp_states = count(1, 8);
    tuning.tree_queries_per_thread = count(1, 8);
    tuning.table_queries_per_thread = count(1, 8);
    tuning.brute_force_rows = count(1, 5);
    return tuning;
}

}  // namespace qabwnas

#include "qabwnas/combine.hpp"

#include <algorithm>

namespace qabwnas {

Combination::Combination(const std::vector<Aggregation>& aggregations, const std::vector<Value>& origin,
                         const SweepOrder& order)
    : order_(order) {
    for (const std::size_t m : order.metrics) {
        aggregations_.push_back(aggregations[m]);
        values_.push_back(origin[m]);
    }
}

Status Combination::add(Part part, const MergeLimits& limits, Cancel& cancel) {
    const auto before = [&](Pair a, Pair b) { return precedes(part, a, b); };
    const Points front{values_, n_points()}, rows{part.values, part.n_rows()};
    const bool are_curves = order_.size() == 2 && order_.n_sums == 2;
    Merged merged = are_curves ? curves_.run(front, rows, limits, before, cancel)
                               : merge(front, rows, order_, aggregations_, limits, before, cancel);
    n_pairs_ += n_points() * part.n_rows();
    n_blocks_ += part.blocks.size();
    values_ = std::move(merged.values);
    merged.pairs.shrink_to_fit();  // they are kept as long as the front is
    levels_.push_back({std::move(part.blocks), std::move(part.choice), std::move(merged.pairs)});
    return merged.status;
}

std::size_t Combination::bytes() const {
    std::size_t bytes = values_.size() * sizeof(Value);
    for (const Level& level : levels_) bytes += level.pairs.size() * sizeof(Pair);
    return bytes;
}

Part Combination::take_part() {
    Part part{{}, whole_choice(levels_), std::move(values_)};
    for (const Level& level : levels_) part.blocks.insert(part.blocks.end(), level.blocks.begin(), level.blocks.end());
    std::sort(part.blocks.begin(), part.blocks.end());
    return part;
}

bool Combination::precedes(const Part& part, Pair a, Pair b) const {
    FirstDifference difference;
    const auto candidates = [&](Index row) { return &part.choice[static_cast<std::size_t>(row) * part.blocks.size()]; };
    difference.look(part.blocks, candidates(a.row), candidates(b.row));
    difference.look_back(levels_, a.point, b.point);
    return difference.x_precedes();
}

}  // namespace qabwnas

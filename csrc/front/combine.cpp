#include "front/combine.hpp"

#include <algorithm>

namespace qabwnas {

namespace {

// The totals of pairs, row-major.
std::pmr::vector<Value> totals_of(const std::pmr::vector<Pair>& pairs, const Points& front, const Points& rows,
                                  const std::vector<Aggregation>& aggregations) {
    const std::size_t d = aggregations.size();
    std::pmr::vector<Value> totals(pairs.size() * d, pairs.get_allocator());
    Value* total = totals.data();
    for (const Pair& pair : pairs) {
        const Value* a = &front.values[static_cast<std::size_t>(pair.point) * d];
        const Value* b = &rows.values[static_cast<std::size_t>(pair.row) * d];
        for (std::size_t m = 0; m < d; ++m) *total++ = combine(aggregations[m], a[m], b[m]);
    }
    return totals;
}

}  // namespace

PartialFront::PartialFront(const std::vector<Aggregation>& aggregations, const std::vector<Value>& origin,
                           const SweepOrder& order, const Tuning& tuning, Memory* memory)
    : order_(order), tuning_(tuning), memory_(memory) {
    for (const std::size_t m : order.metrics) {
        aggregations_.push_back(aggregations[m]);
        values_.push_back(origin[m]);
    }
}

Status PartialFront::add(JoinedBlocks joined, const MergeLimits& limits, Cancel& cancel) {
    const auto before = [&](Pair a, Pair b) { return precedes(joined, a, b); };
    const Points front{values_, n_points()}, rows{joined.values, joined.n_rows()};
    n_pairs_ += front.n * rows.n;
    n_blocks_ += joined.blocks.size();
    Status status;
    if (order_.size() == 2 && order_.n_sums == 2) {
        std::pmr::vector<Value> totals(memory_);
        status = curves_.run(front, rows, limits, before, cancel, totals, found_);
        if (status == Status::complete) values_ = std::move(totals);
    } else {
        status = merge(front, rows, order_, aggregations_, limits, before, cancel, tuning_, found_);
        if (status == Status::complete) values_ = totals_of(found_, front, rows, aggregations_);
    }
    if (status != Status::complete) return status;
    found_.shrink_to_fit();  // they are kept as long as the front is
    levels_.push_back({std::move(joined.blocks), std::move(joined.choice), std::move(found_)});
    return status;
}

JoinedBlocks PartialFront::take_joined_blocks() {
    JoinedBlocks joined{{}, whole_choice(levels_, memory_), std::move(values_)};
    for (const Level& level : levels_)
        joined.blocks.insert(joined.blocks.end(), level.blocks.begin(), level.blocks.end());
    std::sort(joined.blocks.begin(), joined.blocks.end());
    return joined;
}

bool PartialFront::precedes(const JoinedBlocks& joined, Pair a, Pair b) const {
    FirstDifference difference;
    const auto candidates = [&](Index row) {
        return &joined.choice[static_cast<std::size_t>(row) * joined.blocks.size()];
    };
    difference.look(joined.blocks, candidates(a.row), candidates(b.row));
    difference.look_back(levels_, a.point, b.point);
    return difference.x_precedes();
}

}  // namespace qabwnas

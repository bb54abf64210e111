#include "qabwnas/combine.hpp"

namespace qabwnas {

namespace {

constexpr std::size_t no_block = static_cast<std::size_t>(-1);

}  // namespace

Combination::Combination(const Problem& problem, const SweepOrder& order) : order_(order) {
    levels_.push_back({no_block, {0}, {0}});
    for (const std::size_t m : order.metrics) {
        aggregations_.push_back(problem.aggregations[m]);
        values_.push_back(problem.origin[m]);
    }
}

Status Combination::add(std::size_t block, const PrunedBlock& pruned, const MergeLimits& limits, Cancel& cancel) {
    const auto row_of = [&](const Pair& pair) { return pruned.rows[static_cast<std::size_t>(pair.row)]; };
    const auto before = [&](Pair a, Pair b) { return precedes(block, a.point, row_of(a), b.point, row_of(b)); };
    Merged merged = merge({values_, n_points()}, {pruned.values, pruned.rows.size()}, order_, aggregations_, limits,
                          before, cancel);
    n_pairs_ += n_points() * pruned.rows.size();
    values_ = std::move(merged.values);
    Level next{block, {}, {}};
    next.parent.reserve(merged.pairs.size());
    next.row.reserve(merged.pairs.size());
    for (const Pair& pair : merged.pairs) {
        next.parent.push_back(pair.point);
        next.row.push_back(row_of(pair));
    }
    levels_.push_back(std::move(next));
    return merged.status;
}

std::size_t Combination::bytes() const {
    std::size_t bytes = values_.size() * sizeof(Value);
    for (const Level& level : levels_) bytes += level.size() * 2 * sizeof(Index);
    return bytes;
}

void Combination::choose(std::size_t i, Index* choice) const {
    for (std::size_t level = levels_.size() - 1; level > 0; --level) {
        choice[levels_[level].block] = levels_[level].row[i];
        i = static_cast<std::size_t>(levels_[level].parent[i]);
    }
}

bool Combination::precedes(std::size_t block, Index i, Index row_i, Index j, Index row_j) const {
    // The first difference in block order decides; blocks were combined in another order, so all are looked at.
    std::size_t decisive = no_block;
    bool less = false;
    const auto look = [&](std::size_t at, Index a, Index b) {
        if (a != b && (decisive == no_block || at < decisive)) {
            decisive = at;
            less = a < b;
        }
    };
    look(block, row_i, row_j);
    for (std::size_t level = levels_.size() - 1; level > 0 && i != j; --level) {
        const Level& at = levels_[level];
        const auto a = static_cast<std::size_t>(i), b = static_cast<std::size_t>(j);
        look(at.block, at.row[a], at.row[b]);
        i = at.parent[a];
        j = at.parent[b];
    }
    return less;
}

}  // namespace qabwnas

#include "qabwnas/combine.hpp"

#include <array>
#include <numeric>

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
    const Points front{values_, n_points()}, rows{pruned.values, pruned.rows.size()};
    const bool are_curves = order_.size() == 2 && order_.n_sums == 2;
    Merged merged = are_curves ? curves_.run(front, rows, limits, before, cancel)
                               : merge(front, rows, order_, aggregations_, limits, before, cancel);
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

std::vector<Index> Combination::choices() const {
    // Some points at a time go back level by level: their walks do not wait for one another.
    constexpr std::size_t at_once = 64;
    const std::size_t n = n_points(), n_levels = levels_.size() - 1;
    std::vector<Index> choices(n * n_levels);
    std::array<std::size_t, at_once> points;
    for (std::size_t first = 0; first < n; first += at_once) {
        const std::size_t n_here = std::min(at_once, n - first);
        std::iota(points.begin(), points.begin() + static_cast<std::ptrdiff_t>(n_here), first);
        for (std::size_t level = n_levels; level > 0; --level) {
            const Level& at = levels_[level];
            for (std::size_t i = 0; i < n_here; ++i) {
                choices[(first + i) * n_levels + at.block] = at.row[points[i]];
                points[i] = static_cast<std::size_t>(at.parent[points[i]]);
            }
        }
    }
    return choices;
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

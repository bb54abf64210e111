#include "qabwnas/combine.hpp"

#include <algorithm>
#include <array>
#include <numeric>

namespace qabwnas {

namespace {

constexpr std::size_t no_block = static_cast<std::size_t>(-1);

}  // namespace

Combination::Combination(const std::vector<Aggregation>& aggregations, const std::vector<Value>& origin,
                         const SweepOrder& order)
    : order_(order) {
    levels_.push_back({{}, {}, {0}, {0}});
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
    Level next{std::move(part.blocks), std::move(part.choice), {}, {}};
    next.parent.reserve(merged.pairs.size());
    next.row.reserve(merged.pairs.size());
    for (const Pair& pair : merged.pairs) {
        next.parent.push_back(pair.point);
        next.row.push_back(pair.row);
    }
    levels_.push_back(std::move(next));
    return merged.status;
}

std::size_t Combination::bytes() const {
    std::size_t bytes = values_.size() * sizeof(Value);
    for (const Level& level : levels_) bytes += level.size() * 2 * sizeof(Index);
    return bytes;
}

Part Combination::take_part() {
    Part part{{}, {}, std::move(values_)};
    for (const Level& level : levels_) part.blocks.insert(part.blocks.end(), level.blocks.begin(), level.blocks.end());
    std::sort(part.blocks.begin(), part.blocks.end());
    std::vector<std::vector<std::size_t>> columns;  // of every level's blocks in the part's choice
    for (const Level& level : levels_) {
        std::vector<std::size_t>& places = columns.emplace_back();
        for (const std::size_t block : level.blocks)
            places.push_back(static_cast<std::size_t>(std::lower_bound(part.blocks.begin(), part.blocks.end(), block) -
                                                      part.blocks.begin()));
    }
    // Some points at a time go back level by level: their walks do not wait for one another.
    constexpr std::size_t at_once = 64;
    const std::size_t n = n_points();
    part.choice.resize(n * n_blocks_);
    std::array<std::size_t, at_once> points;
    for (std::size_t first = 0; first < n; first += at_once) {
        const std::size_t n_here = std::min(at_once, n - first);
        std::iota(points.begin(), points.begin() + static_cast<std::ptrdiff_t>(n_here), first);
        for (std::size_t level = levels_.size() - 1; level > 0; --level) {
            const Level& at = levels_[level];
            for (std::size_t i = 0; i < n_here; ++i) {
                const Index* candidates = at.candidates(points[i]);
                for (std::size_t c = 0; c < columns[level].size(); ++c)
                    part.choice[(first + i) * n_blocks_ + columns[level][c]] = candidates[c];
                points[i] = static_cast<std::size_t>(at.parent[points[i]]);
            }
        }
    }
    return part;
}

bool Combination::precedes(const Part& part, Pair a, Pair b) const {
    // The first difference in block order decides; blocks were combined in another order, so all are looked at.
    std::size_t decisive = no_block;
    bool less = false;
    const auto look = [&](const std::vector<std::size_t>& blocks, const Index* x, const Index* y) {
        for (std::size_t c = 0; c < blocks.size(); ++c) {
            if (x[c] == y[c] || (decisive != no_block && blocks[c] >= decisive)) continue;
            decisive = blocks[c];
            less = x[c] < y[c];
        }
    };
    const auto candidates = [&](Index row) { return &part.choice[static_cast<std::size_t>(row) * part.blocks.size()]; };
    look(part.blocks, candidates(a.row), candidates(b.row));
    Index i = a.point, j = b.point;
    for (std::size_t level = levels_.size() - 1; level > 0 && i != j; --level) {
        const Level& at = levels_[level];
        look(at.blocks, at.candidates(static_cast<std::size_t>(i)), at.candidates(static_cast<std::size_t>(j)));
        i = at.parent[static_cast<std::size_t>(i)];
        j = at.parent[static_cast<std::size_t>(j)];
    }
    return less;
}

}  // namespace qabwnas

#include "qabwnas/first_fit.hpp"

#include "qabwnas/archive.hpp"

namespace qabwnas {

namespace {

std::int64_t walk(const MinimumTree& tree, const Value* budgets) {
    const std::size_t top = tree.starts.size() - 2;
    std::size_t level = top, at = 0;
    while (at < tree.starts[level + 1] - tree.starts[level]) {
        const std::size_t node = tree.starts[level] + at;
        bool fits = true;
        for (std::size_t m = 0; m < tree.n_metrics; ++m) fits &= tree.nodes.at(m, node) <= budgets[m];
        if (fits) {
            if (level == 0) return static_cast<std::int64_t>(at);
            --level;
            at *= MinimumTree::fanout;
            continue;
        }
        ++at;
        for (; level < top && at % MinimumTree::fanout == 0; at /= MinimumTree::fanout) ++level;
    }
    return -1;
}

// The points that are cheaper than all before them, and for every cell of cost the first of them that lies in it or in
// a cheaper one.
class Descent {
  public:
    Descent(const Value* costs, std::size_t n) {
        for (std::size_t i = 0; i < n; ++i) {
            if (!costs_.empty() && costs[i] >= costs_.back()) continue;
            costs_.push_back(costs[i]);
            points_.push_back(static_cast<std::int64_t>(i));
        }
        const std::size_t n_cells = std::min<std::size_t>(4 * costs_.size(), most_cells);
        cells_ = Cells(costs_.back(), costs_.front(), n_cells);
        first_.assign(n_cells + 1, costs_.size());  // of cell 0: where the points end
        std::size_t at = 0;
        for (std::size_t cell = n_cells; cell > 0; --cell) {
            while (at < costs_.size() && cells_.of(costs_[at]) >= cell) ++at;
            first_[cell] = at;
        }
    }

    std::int64_t first_fit(Value budget) const {
        // first_[c + 1]: the first point in a cell up to c. Those before are in dearer cells, so they cost more.
        const std::size_t cell = cells_.of(budget);
        const auto found = std::partition_point(costs_.begin() + static_cast<std::ptrdiff_t>(first_[cell + 1]),
                                                costs_.begin() + static_cast<std::ptrdiff_t>(first_[cell]),
                                                [&](Value cost) { return cost > budget; });
        return found == costs_.end() || *found > budget ? -1
                                                        : points_[static_cast<std::size_t>(found - costs_.begin())];
    }

  private:
    static constexpr std::size_t most_cells = std::size_t{1} << 16;

    std::vector<Value> costs_;  // descending
    std::vector<std::int64_t> points_;
    Cells cells_;
    std::vector<std::size_t> first_;
};

}  // namespace

void first_fits(const MinimumTree& tree, const Value* budgets, std::size_t n_queries, std::int64_t* found) {
    const std::size_t n_points = tree.starts[1];
    if (tree.n_metrics == 1 && n_queries >= n_points) {
        const Descent descent(tree.nodes.column(0), n_points);
        for (std::size_t q = 0; q < n_queries; ++q) found[q] = descent.first_fit(budgets[q]);
        return;
    }
    for (std::size_t q = 0; q < n_queries; ++q) found[q] = walk(tree, budgets + q * tree.n_metrics);
}

}  // namespace qabwnas

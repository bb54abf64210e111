#include "query/first_fit.hpp"

#include <array>
#include <bit>

#include "core/dispatch.hpp"
#include "core/threads.hpp"
#include "pareto/dominance_index.hpp"

namespace qabwnas {

namespace {

constexpr std::size_t fanout = MinimumTree::fanout;

// A bit for each of n nodes (at most 16) that fits all budgets; columns begin at the first node, one per metric.
QABWNAS_CLONES std::uint64_t fitting(const Value* const* columns, std::size_t first, std::size_t n,
                                     const Value* budgets, std::size_t n_metrics) {
    std::uint64_t above = 0;
    for (std::size_t m = 0; m < n_metrics; ++m) {
        const Value* nodes = columns[m] + first;
        const Value budget = budgets[m];
        if (n == fanout)  // nearly always; a constant length is vectorised, which is 3× faster
            for (std::size_t i = 0; i < fanout; ++i) above |= nodes[i] > budget ? std::uint64_t{1} << i : 0;
        else
            for (std::size_t i = 0; i < n; ++i) above |= nodes[i] > budget ? std::uint64_t{1} << i : 0;
    }
    return ~above & ((std::uint64_t{1} << n) - 1);
}

// Queries with several budgets.
class TreeQuery {
  public:
    TreeQuery(const MinimumTree& tree, const std::vector<std::size_t>& metrics) : n_metrics_(metrics.size()) {
        std::size_t size = tree.points.n_rows, start = 0;
        add_level(tree.points, metrics, 0, size);
        while (size > fanout) {
            size = (size + fanout - 1) / fanout;
            add_level(tree.minima, metrics, start, size);
            start += size;
        }
    }

    std::int64_t operator()(const Value* budgets) const {
        std::array<std::uint64_t, most_levels> left;  // siblings that fit and were not entered yet, per level
        std::array<std::size_t, most_levels> first;   // of those siblings
        std::size_t level = sizes_.size() - 1;
        enter(level, 0, budgets, left, first);
        while (true) {
            for (; left[level] == 0; ++level)
                if (level + 1 == sizes_.size()) return -1;
            const std::size_t node = first[level] + static_cast<std::size_t>(std::countr_zero(left[level]));
            left[level] &= left[level] - 1;
            if (level == 0) return static_cast<std::int64_t>(node);
            enter(--level, node * fanout, budgets, left, first);
        }
    }

  private:
    static constexpr std::size_t most_levels = 16;  // of 16^16 points

    void add_level(const Columns& nodes, const std::vector<std::size_t>& metrics, std::size_t start, std::size_t size) {
        for (const std::size_t m : metrics) columns_.push_back(nodes.column(m) + start);
        sizes_.push_back(size);
    }

    void enter(std::size_t level, std::size_t node, const Value* budgets, std::array<std::uint64_t, most_levels>& left,
               std::array<std::size_t, most_levels>& first) const {
        const std::size_t n = std::min(fanout, sizes_[level] - node);
        first[level] = node;
        left[level] = fitting(&columns_[level * n_metrics_], node, n, budgets, n_metrics_);
    }

    std::size_t n_metrics_;
    std::vector<const Value*> columns_;  // (level, metric)
    std::vector<std::size_t> sizes_;     // of each level, the points first
};

// Queries with one budget: the points that are cheaper than all before them, and for each cell of cost the first of
// them in this cell or a cheaper one.
class TableQuery {
  public:
    TableQuery(const Value* costs, std::size_t n) {
        for (std::size_t i = 0; i < n; ++i) {
            if (!costs_.empty() && costs[i] >= costs_.back()) continue;
            costs_.push_back(costs[i]);
            points_.push_back(static_cast<std::int64_t>(i));
        }
        const std::size_t n_steps = costs_.size(), n_cells = std::min(cells_per_point * n_steps, most_cells);
        cells_ = Cells(costs_.back(), costs_.front(), n_cells);
        points_.push_back(-1);
        first_.assign(n_cells + 1, n_steps);  // of cell 0: the end of the points
        std::size_t at = 0;
        for (std::size_t cell = n_cells; cell > 0; --cell) {
            while (at < n_steps && cells_.cell_of(costs_[at]) >= cell) ++at;
            first_[cell] = at;
        }
    }

    std::int64_t operator()(const Value* budget) const {
        // first_[c + 1]: the first point in a cell up to c. The points before are in more expensive cells, so they cost
        // more. The points from first_[c] on are in cheaper cells, so the first of them fits.
        const std::size_t cell = cells_.cell_of(*budget);
        const auto found = std::partition_point(costs_.begin() + static_cast<std::ptrdiff_t>(first_[cell + 1]),
                                                costs_.begin() + static_cast<std::ptrdiff_t>(first_[cell]),
                                                [&](Value cost) { return cost > *budget; });
        return points_[static_cast<std::size_t>(found - costs_.begin())];
    }

  private:
    // Enough cells that most hold no point, so that most queries look at none; few enough that the table stays in
    // cache.
    static constexpr std::size_t cells_per_point = 8, most_cells = std::size_t{1} << 18;

    std::vector<Value> costs_;          // descending
    std::vector<std::int64_t> points_;  // and last -1, if no point fits
    Cells cells_;
    std::vector<std::size_t> first_;
};

template <class Query>
void answer(const Query& query, std::size_t n_metrics, const Value* budgets, std::size_t n_queries,
            std::size_t n_threads, std::size_t queries_per_thread, std::int64_t* found) {
    const auto run = [&, n_metrics, budgets, found](std::size_t first, std::size_t last) {
        for (std::size_t q = first; q < last; ++q) found[q] = query(budgets + q * n_metrics);
    };
    on_threads(n_queries, n_threads, queries_per_thread, run);
}

}  // namespace

std::size_t MinimumTree::n_minima(std::size_t n_points) {
    std::size_t n = 0;
    for (std::size_t size = n_points; size > fanout; n += size) size = (size + fanout - 1) / fanout;
    return n;
}

void first_fits(const MinimumTree& tree, const std::vector<std::size_t>& metrics, const Value* budgets,
                std::size_t n_queries, std::size_t n_threads, std::int64_t* found, const Tuning& tuning) {
    // Adding a point to the table takes a small part of a tree query.
    const bool table_pays = n_queries >= tree.points.n_rows / fanout;
    if (metrics.size() == 1 && table_pays) {
        tuning.count(&PathCounts::query_tables);
        const TableQuery table(tree.points.column(metrics[0]), tree.points.n_rows);
        answer(table, 1, budgets, n_queries, n_threads, tuning.table_queries_per_thread, found);
    } else {
        answer(TreeQuery(tree, metrics), metrics.size(), budgets, n_queries, n_threads, tuning.tree_queries_per_thread,
               found);
    }
}

}  // namespace qabwnas

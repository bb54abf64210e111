#include "qabwnas/price_rows.hpp"

#include <algorithm>
#include <memory>

#include "qabwnas/lagrangian.hpp"
#include "qabwnas/linear_search.hpp"
#include "qabwnas/usable_rows.hpp"

namespace qabwnas {

namespace {

void sort_once_each(std::vector<Index>& rows) {
    std::sort(rows.begin(), rows.end());
    rows.erase(std::unique(rows.begin(), rows.end()), rows.end());
}

// Rows spread over a block, and those that are least in a metric, so that what is feasible by them is feasible.
std::vector<Index> sampled_rows(const Columns& block, std::size_t n_metrics) {
    constexpr std::size_t n_spread = 64;
    std::vector<Index> rows;
    for (std::size_t i = 0; i < std::min(n_spread, block.n_rows); ++i)
        rows.push_back(static_cast<Index>(i * block.n_rows / std::min(n_spread, block.n_rows)));
    for (std::size_t m = 0; m < n_metrics; ++m) {
        const Value* column = block.column(m);
        rows.push_back(static_cast<Index>(std::min_element(column, column + block.n_rows) - column));
    }
    sort_once_each(rows);
    return rows;
}

}  // namespace

bool pricing_pays(const Problem& problem, const std::vector<Value>& budgets, std::size_t k) {
    // Pruning by one cost is quicker; of many rows by several costs, or to a k-skyband, it is not.
    constexpr std::size_t many_rows = 2048;
    std::size_t n_rows = 0;
    for (const Columns& block : problem.blocks) n_rows += block.n_rows;
    return problem.aggregations[0] == Aggregation::sum &&
           (k > 1 || (n_budgeted_sums(problem, budgets) > 1 && n_rows >= many_rows));
}

std::vector<PrunedBlock> rows_by_price(const Problem& problem, const std::vector<Value>& budgets,
                                       const SweepOrder& order, BestAnswers& best, const PricingLimits& limits,
                                       std::size_t& n_nodes) {
    const auto prices = [&](const std::vector<PrunedBlock>& blocks) {
        return LinearSearch(problem, budgets, blocks, limits.deadline, limits.cancel).unit_prices();
    };
    std::vector<std::vector<Index>> rows;
    for (const Columns& block : problem.blocks) rows.push_back(sampled_rows(block, problem.n_metrics()));
    std::vector<PrunedBlock> blocks = prune_some(problem, rows, order, 1, limits.cancel);
    if (limits.cancel.requested() || !make_usable(blocks, problem, budgets, order)) return {};

    const Lagrangian first(problem, budgets, prices(blocks));
    for (std::size_t b = 0; b < rows.size(); ++b) {
        rows[b] = first.cheap_rows(b, 24 + 4 * best.k());
        rows[b].insert(rows[b].end(), blocks[b].rows.begin(), blocks[b].rows.end());
        sort_once_each(rows[b]);
    }
    blocks = prune_some(problem, rows, order, 1, limits.cancel);
    if (limits.cancel.requested() || !make_usable(blocks, problem, budgets, order)) return {};

    constexpr std::size_t few_nodes = 64;
    const std::vector<double> unit_prices = prices(blocks);
    const std::unique_ptr<TreeSearch> core =
        make_tree_search(problem, budgets, std::move(blocks), best.k(), limits.deadline, limits.cancel);
    core->search(best, {}, std::min(limits.max_nodes, few_nodes * best.k()));
    n_nodes += core->n_nodes();
    if (!best.are_complete()) return {};

    const Lagrangian second(problem, budgets, unit_prices);
    for (std::size_t b = 0; b < rows.size(); ++b) rows[b] = second.rows_within(b, best.worst().totals[0]);
    return prune_some(problem, rows, order, best.k(), limits.cancel);
}

}  // namespace qabwnas

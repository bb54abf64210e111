#include "solve/presolve.hpp"

#include <algorithm>
#include <optional>

namespace qabwnas {

namespace {

// Puts the values of a pruned block back into metric order.
void to_metric_order(PrunedBlock& block, const SweepOrder& order) {
    const std::size_t d = order.size();
    std::vector<Value> row(d);
    for (std::size_t start = 0; start < block.values.size(); start += d) {
        for (std::size_t i = 0; i < d; ++i) row[order.metrics[i]] = block.values[start + i];
        std::copy(row.begin(), row.end(), block.values.begin() + static_cast<std::ptrdiff_t>(start));
    }
}

// Removes the rows with which a metric's total exceeds its budget even if all other blocks take their least value.
// Returns the number of removed rows, or nothing if all totals exceed the budget.
std::optional<std::size_t> remove_rows_above(std::vector<PrunedBlock>& blocks, const Problem& problem,
                                             std::size_t metric, Value budget) {
    const std::size_t d = problem.n_metrics();
    const Aggregation aggregation = problem.aggregations[metric];
    Value least = problem.origin[metric];  // of all totals
    std::vector<Value> smallest(blocks.size(), unlimited);
    for (std::size_t b = 0; b < blocks.size(); ++b) {
        for (std::size_t at = metric; at < blocks[b].values.size(); at += d)
            smallest[b] = std::min(smallest[b], blocks[b].values[at]);
        least = combine(aggregation, least, smallest[b]);
    }
    if (least > budget) return std::nullopt;
    std::size_t n_removed = 0;
    for (std::size_t b = 0; b < blocks.size(); ++b) {
        const std::uint64_t slack = above(budget, least);
        PrunedBlock& block = blocks[b];
        std::size_t n = 0;
        for (std::size_t i = 0; i < block.rows.size(); ++i) {
            const Value value = block.values[i * d + metric];
            if (aggregation == Aggregation::sum ? above(value, smallest[b]) > slack : value > budget) continue;
            block.rows[n] = block.rows[i];
            std::copy_n(&block.values[i * d], d, &block.values[n * d]);
            ++n;
        }
        n_removed += block.rows.size() - n;
        block.rows.resize(n);
        block.values.resize(n * d);
    }
    return n_removed;
}

// Some rows of a block, pruned to the k-skyband.
PrunedBlock prune_subset(const Columns& block, const std::vector<Index>& rows, const SweepOrder& order, std::size_t k,
                         Cancel& cancel, const Tuning& tuning) {
    std::vector<Value> values;
    values.reserve(order.size() * rows.size());
    for (std::size_t m = 0; m < order.size(); ++m)
        for (const Index row : rows) values.push_back(block.at(m, static_cast<std::size_t>(row)));
    PrunedBlock pruned = prune({values.data(), rows.size(), rows.size()}, order, k, cancel, tuning);
    for (Index& row : pruned.rows) row = rows[static_cast<std::size_t>(row)];
    return pruned;
}

}  // namespace

std::vector<PrunedBlock> prune_subsets(const Problem& problem, const std::vector<std::vector<Index>>& rows,
                                       const SweepOrder& order, std::size_t k, Cancel& cancel, const Tuning& tuning) {
    std::vector<PrunedBlock> blocks;
    for (std::size_t b = 0; b < rows.size(); ++b)
        blocks.push_back(prune_subset(problem.blocks[b], rows[b], order, k, cancel, tuning));
    return blocks;
}

bool presolve(std::vector<PrunedBlock>& blocks, const Problem& problem, const std::vector<Value>& budgets,
              const SweepOrder& order) {
    for (PrunedBlock& block : blocks) to_metric_order(block, order);
    std::size_t n_removed = 1;
    while (n_removed > 0) {  // a row that one budget removes may raise the least values of another metric
        n_removed = 0;
        for (std::size_t m = 0; m < problem.n_metrics(); ++m) {
            if (budgets[m] == unlimited) continue;
            const std::optional<std::size_t> n = remove_rows_above(blocks, problem, m, budgets[m]);
            if (!n) return false;
            n_removed += *n;
        }
    }
    return true;
}

}  // namespace qabwnas

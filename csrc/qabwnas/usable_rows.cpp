#include "qabwnas/usable_rows.hpp"

#include <algorithm>

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

// The same for values in metric order already.
bool drop_unusable(std::vector<PrunedBlock>& blocks, const Problem& problem, const std::vector<Value>& budgets) {
    const std::size_t d = problem.n_metrics();
    for (std::size_t m = 0; m < d; ++m) {
        if (budgets[m] == unlimited) continue;
        const bool sums = problem.aggregations[m] == Aggregation::sum;
        Value least = problem.origin[m];  // of all totals
        std::vector<Value> smallest(blocks.size(), unlimited);
        for (std::size_t b = 0; b < blocks.size(); ++b) {
            for (std::size_t at = m; at < blocks[b].values.size(); at += d)
                smallest[b] = std::min(smallest[b], blocks[b].values[at]);
            least = combine(problem.aggregations[m], least, smallest[b]);
        }
        if (least > budgets[m]) return false;
        for (std::size_t b = 0; b < blocks.size(); ++b) {
            const Value room = sums ? budgets[m] - least + smallest[b] : budgets[m];
            PrunedBlock& block = blocks[b];
            std::size_t n = 0;
            for (std::size_t i = 0; i < block.rows.size(); ++i) {
                if (block.values[i * d + m] > room) continue;
                block.rows[n] = block.rows[i];
                std::copy_n(&block.values[i * d], d, &block.values[n * d]);
                ++n;
            }
            block.rows.resize(n);
            block.values.resize(n * d);
        }
    }
    return std::all_of(blocks.begin(), blocks.end(), [](const PrunedBlock& block) { return !block.rows.empty(); });
}

// Some rows of a block, pruned to the k-skyband.
PrunedBlock prune_some_of(const Columns& block, const std::vector<Index>& rows, const SweepOrder& order, std::size_t k,
                          Cancel& cancel) {
    std::vector<Value> values;
    values.reserve(order.size() * rows.size());
    for (std::size_t m = 0; m < order.size(); ++m)
        for (const Index row : rows) values.push_back(block.at(m, static_cast<std::size_t>(row)));
    PrunedBlock pruned = prune({values.data(), rows.size(), rows.size()}, order, k, cancel);
    for (Index& row : pruned.rows) row = rows[static_cast<std::size_t>(row)];
    return pruned;
}

}  // namespace

std::vector<PrunedBlock> prune_some(const Problem& problem, const std::vector<std::vector<Index>>& rows,
                                    const SweepOrder& order, std::size_t k, Cancel& cancel) {
    std::vector<PrunedBlock> blocks;
    for (std::size_t b = 0; b < rows.size(); ++b)
        blocks.push_back(prune_some_of(problem.blocks[b], rows[b], order, k, cancel));
    return blocks;
}

bool make_usable(std::vector<PrunedBlock>& blocks, const Problem& problem, const std::vector<Value>& budgets,
                 const SweepOrder& order) {
    for (PrunedBlock& block : blocks) to_metric_order(block, order);
    return drop_unusable(blocks, problem, budgets);
}

}  // namespace qabwnas

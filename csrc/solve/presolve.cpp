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

// Drops rows with which a metric's total is above its budget even where all other blocks have their least. Returns how
// many went, or nothing where all totals are above it.
std::optional<std::size_t> drop_above(std::vector<PrunedBlock>& blocks, const Problem& problem, std::size_t metric,
                                      Value budget) {
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
    std::size_t n_dropped = 0;
    for (std::size_t b = 0; b < blocks.size(); ++b) {
        const std::uint64_t room = above(budget, least);
        PrunedBlock& block = blocks[b];
        std::size_t n = 0;
        for (std::size_t i = 0; i < block.rows.size(); ++i) {
            const Value value = block.values[i * d + metric];
            if (aggregation == Aggregation::sum ? above(value, smallest[b]) > room : value > budget) continue;
            block.rows[n] = block.rows[i];
            std::copy_n(&block.values[i * d], d, &block.values[n * d]);
            ++n;
        }
        n_dropped += block.rows.size() - n;
        block.rows.resize(n);
        block.values.resize(n * d);
    }
    return n_dropped;
}

// Some rows of a block, pruned to the k-skyband.
PrunedBlock prune_some_of(const Columns& block, const std::vector<Index>& rows, const SweepOrder& order, std::size_t k,
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

std::vector<PrunedBlock> prune_some(const Problem& problem, const std::vector<std::vector<Index>>& rows,
                                    const SweepOrder& order, std::size_t k, Cancel& cancel, const Tuning& tuning) {
    std::vector<PrunedBlock> blocks;
    for (std::size_t b = 0; b < rows.size(); ++b)
        blocks.push_back(prune_some_of(problem.blocks[b], rows[b], order, k, cancel, tuning));
    return blocks;
}

bool make_usable(std::vector<PrunedBlock>& blocks, const Problem& problem, const std::vector<Value>& budgets,
                 const SweepOrder& order) {
    for (PrunedBlock& block : blocks) to_metric_order(block, order);
    std::size_t n_dropped = 1;
    while (n_dropped > 0) {  // what one budget drops may raise the least that counts for another
        n_dropped = 0;
        for (std::size_t m = 0; m < problem.n_metrics(); ++m) {
            if (budgets[m] == unlimited) continue;
            const std::optional<std::size_t> n = drop_above(blocks, problem, m, budgets[m]);
            if (!n) return false;
            n_dropped += *n;
        }
    }
    return true;
}

}  // namespace qabwnas

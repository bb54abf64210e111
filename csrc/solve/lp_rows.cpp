#include "solve/lp_rows.hpp"

#include <algorithm>

namespace qabwnas {

LpRows::LpRows(const Problem& problem, const std::vector<Value>& budgets, const std::vector<PrunedBlock>& blocks)
    : offsets{0}, problem_(problem), budgets_(budgets), least_totals_(problem.n_metrics()) {
    const std::size_t d = problem.n_metrics();
    for (const PrunedBlock& block : blocks) {
        candidates.insert(candidates.end(), block.rows.begin(), block.rows.end());
        values.insert(values.end(), block.values.begin(), block.values.end());
        offsets.push_back(candidates.size());
    }
    std::vector<Value> least;              // (block, metric)
    constexpr double widest_key = 0x1p40;  // a bound in doubles does not tell more keys apart
    double width = 1;                      // of the key so far
    for (std::size_t m = 0; m < d; ++m) {
        Key range = 0;
        least.resize((m + 1) * n_blocks());
        for (std::size_t b = 0; b < n_blocks(); ++b) {
            Value low = unlimited, high = -largest_total;
            for (std::size_t row = offsets[b]; row < offsets[b + 1]; ++row) {
                low = std::min(low, values[row * d + m]);
                high = std::max(high, values[row * d + m]);
            }
            least[m * n_blocks() + b] = low;
            least_totals_[m] += problem.aggregations[m] == Aggregation::sum ? low : 0;
            range += above(high, low);
        }
        if (problem.aggregations[m] != Aggregation::sum || factors_.size() != m) continue;
        // Totals beyond the budget need no place in the key.
        if (budgets[m] != unlimited) range = std::min(range, above(budgets[m], problem.origin[m] + least_totals_[m]));
        if (m == 0) last_key_ = range;
        width *= static_cast<double>(range) + 1;
        if (m > 0 && width > widest_key) continue;
        for (Key& factor : factors_) factor *= range + 1;
        if (m > 0) last_key_ = last_key_ * (range + 1) + range;
        factors_.push_back(1);
    }
    set_keys(least);
}

// least: (metric, block)
void LpRows::set_keys(const std::vector<Value>& least) {
    keys_.assign(n_rows(), 0);
    double range = 0;
    for (std::size_t b = 0; b < n_blocks(); ++b) {
        Key most = 0;
        for (std::size_t row = offsets[b]; row < offsets[b + 1]; ++row) {
            for (std::size_t m = 0; m < n_key_metrics(); ++m)
                keys_[row] += factors_[m] * above(values[row * problem_.n_metrics() + m], least[m * n_blocks() + b]);
            most = std::max(most, keys_[row]);
        }
        range += static_cast<double>(most);
    }
    key_range_ = std::max(range, 1.0);
}

Key LpRows::key_of(const std::vector<Value>& totals) const {
    Key key = 0;
    for (std::size_t m = 0; m < n_key_metrics(); ++m)
        key += factors_[m] * above(totals[m], problem_.origin[m] + least_totals_[m]);
    return key;
}

Value LpRows::objective_of(Key key) const {
    return static_cast<Value>(static_cast<Key>(problem_.origin[0] + least_totals_[0]) + key / factors_[0]);
}

double LpRows::slack(std::size_t metric) const {
    const Value slack = budgets_[metric] - (problem_.origin[metric] + least_totals_[metric]);
    return slack > 0 ? static_cast<double>(slack) : 1;
}

LpRelaxation LpRows::relaxation() const {
    const std::size_t d = problem_.n_metrics();
    std::vector<double> objectives;
    for (const Key key : keys_) objectives.push_back(static_cast<double>(key) / key_range_);
    std::vector<std::vector<double>> costs;
    for (std::size_t m = 1; m < d; ++m) {
        if (!is_budgeted_sum(problem_, budgets_, m)) continue;
        const double width = slack(m);
        std::vector<double>& fractions = costs.emplace_back(n_rows());
        for (std::size_t b = 0; b < n_blocks(); ++b) {
            Value least = unlimited;
            for (std::size_t row = offsets[b]; row < offsets[b + 1]; ++row)
                least = std::min(least, values[row * d + m]);
            for (std::size_t row = offsets[b]; row < offsets[b + 1]; ++row)
                fractions[row] = static_cast<double>(values[row * d + m] - least) / width;
        }
    }
    return {offsets, std::move(objectives), std::move(costs)};
}

}  // namespace qabwnas

// The rows of the LP branch and bound, those of all blocks in one list, with one lexicographic key per subnet.
//
// The objective and the next metrics in the order of answers are combined into one key, as many of them as a bound in
// doubles can tell apart. Keys are in the order of those totals, for subnets within the budgets. So a bound on keys
// also decides ties in the objective.
//
// Complexity: O(rows × metrics). Immutable after construction.
#pragma once

#include <cstdint>
#include <vector>

#include "core/problem.hpp"
#include "pareto/prune.hpp"
#include "solve/lp_relaxation.hpp"

namespace qabwnas {

using Key = std::uint64_t;  // above the least; ranges of totals can need all bits

class LpRows {
  public:
    // blocks: values in metric order. The objective must be a sum.
    LpRows(const Problem& problem, const std::vector<Value>& budgets, const std::vector<PrunedBlock>& blocks);

    std::size_t n_blocks() const { return offsets.size() - 1; }
    std::size_t n_rows() const { return candidates.size(); }

    std::vector<std::size_t> offsets;  // where the rows of each block begin, and last the number of rows
    std::vector<Index> candidates;     // per row
    std::vector<Value> values;         // (row, metric)

    std::size_t n_key_metrics() const { return factors_.size(); }  // the first metrics
    double key_range() const { return key_range_; }                // of all rows' keys
    Key key_of(const std::vector<Value>& totals) const;
    Key last_key() const { return last_key_; }  // that a subnet within the objective's budget can have
    Value objective_of(Key key) const;
    double objective_per_key() const { return 1 / static_cast<double>(factors_[0]); }

    // How far a budgeted total may be above its least; at least 1 unit.
    double slack(std::size_t metric) const;

    // Of all rows: keys as fractions of their range, costs as fractions of their budget's slack.
    LpRelaxation relaxation() const;

  private:
    void set_keys(const std::vector<Value>& least);

    const Problem& problem_;
    const std::vector<Value>& budgets_;
    std::vector<Value> least_totals_;  // by metric: the sum of the blocks' least values
    std::vector<Key> factors_;         // of the first metrics in the key
    std::vector<Key> keys_;            // of rows, above the least of their block
    double key_range_ = 1;
    Key last_key_ = 0;
};

}  // namespace qabwnas

// The rows of a search behind linear relaxations, all blocks behind one another, with one number to compare subnets by.
//
// The objective and the metrics behind it in the order of answers are joined to one key, as many as a bound in doubles
// can tell apart: keys are then in the order of those totals, for subnets within the budgets. So a bound on keys also
// decides ties in the objective.
#pragma once

#include <cstdint>
#include <vector>

#include "core/problem.hpp"
#include "pareto/prune.hpp"
#include "solve/lp_relaxation.hpp"

namespace qabwnas {

using Key = std::uint64_t;  // above the least; ranges of totals may need all bits

class JoinedRows {
  public:
    // blocks: values in metric order. The objective is a sum.
    JoinedRows(const Problem& problem, const std::vector<Value>& budgets, const std::vector<PrunedBlock>& blocks);

    std::size_t n_blocks() const { return offsets.size() - 1; }
    std::size_t n_rows() const { return numbers.size(); }

    std::vector<std::size_t> offsets;  // where every block's rows begin, and last their number
    std::vector<Index> numbers;        // of rows in their blocks
    std::vector<Value> values;         // (row, metric)

    std::size_t n_joined() const { return factors_.size(); }  // the first metrics
    double range() const { return range_; }                   // of all keys
    Key key_of(const std::vector<Value>& totals) const;
    Key last_key() const { return last_key_; }  // that a subnet within the objective's budget may have
    Value objective_of(Key key) const;
    double objectives_a_key() const { return 1 / static_cast<double>(factors_[0]); }

    // How far a budgeted total may be above its least, at least a unit.
    double slack(std::size_t metric) const;

    // Of all rows: keys as shares of their range, costs as shares of their budget's slack.
    LinearRelaxation relaxation() const;

  private:
    void join(const std::vector<Value>& least);

    const Problem& problem_;
    const std::vector<Value>& budgets_;
    std::vector<Value> least_totals_;  // by metric: the sum of the blocks' least
    std::vector<Key> factors_;         // of the joined metrics
    std::vector<Key> keys_;            // of rows, above the least of their block
    double range_ = 1;
    Key last_key_ = 0;
};

}  // namespace qabwnas

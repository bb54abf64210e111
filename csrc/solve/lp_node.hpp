// One node of the LP branch and bound: its bound, the rows that are left in it, and the subnets found on the way.
//
// A node allows some rows of each block. LP relaxation (lp_relaxation.hpp), a rounding heuristic, reduced-cost fixing,
// then the choice of a block to branch on. Bounds are on keys (lp_rows.hpp), which decide most ties too.
//
// Complexity: a few pivots, and O(rows × metrics). One thread.
#pragma once

#include <vector>

#include "core/cancel.hpp"
#include "pareto/prune.hpp"
#include "solve/answers.hpp"
#include "solve/lp_relaxation.hpp"
#include "solve/lp_rows.hpp"

namespace qabwnas {

constexpr std::size_t no_block = static_cast<std::size_t>(-1);

class LpNode {
  public:
    // blocks: the remaining rows of each block, values in metric order. The objective must be a sum.
    LpNode(const Problem& problem, const std::vector<Value>& budgets, const std::vector<PrunedBlock>& blocks)
        : problem_(problem), budgets_(budgets), rows_(problem, budgets, blocks), relaxation_(rows_.relaxation()) {}

    const LpRows& rows() const { return rows_; }
    LpRelaxation& relaxation() { return relaxation_; }

    // Nodes from now on add subnets that keep the constraint to `best`.
    void start(BestAnswers& best, const HammingConstraint& constraint) {
        best_ = &best;
        constraint_ = &constraint;
    }

    // Bounds the node of the relaxation's allowed rows, with a known bound on its key, forbids rows, and records
    // subnets. Returns the block to branch on; no_block if nothing is left to decide.
    std::size_t evaluate(Key known_bound, Cancel& cancel);

    // Whether no subnet whose key is at least bound can join the k best.
    bool is_pruned_by_bound(Key bound) const;

    // The least key of a bound on the LP objective, which is a fraction of the range of all keys.
    Key key_bound(double objective) const;

  private:
    bool fix_by_reduced_costs();
    bool can_keep_min_distance() const;
    bool is_pruned_by_ties(Key bound) const;
    double cutoff() const;
    std::vector<std::size_t> open_blocks() const;
    std::size_t branching_block(const std::vector<std::size_t>& open) const;
    void round();
    void record_all(std::size_t block);
    void record(const std::vector<std::size_t>& rows);

    const Problem& problem_;
    const std::vector<Value>& budgets_;
    const LpRows rows_;
    LpRelaxation relaxation_;
    BestAnswers* best_ = nullptr;
    const HammingConstraint* constraint_ = nullptr;
};

}  // namespace qabwnas

// Depth-first branch and bound with DP bounds, over pruned blocks, the block with the most rows first.
//
// A partial subnet is pruned if its lower bound (dp_bounds.hpp), compared lexicographically, is above the k-th best
// subnet found. Children are visited in the order of their bounds. The answer is proved when the search ends. With one
// budget the bound is exact, and the search goes straight to the answers.
//
// Complexity: exponential in the number of blocks at worst; O(rows of a block × (metrics + log states)) per node that
// is expanded. Every row that is looked at counts as a node. One thread; no state is shared between calls.
#pragma once

#include "core/cancel.hpp"
#include "pareto/prune.hpp"
#include "solve/dp_bounds.hpp"
#include "solve/tree_search.hpp"

namespace qabwnas {

class DpBranchAndBound : public TreeSearch {
  public:
    // blocks: the remaining rows of each block, values in metric order.
    DpBranchAndBound(const Problem& problem, const std::vector<Value>& budgets, std::vector<PrunedBlock> blocks,
                     Cancel& deadline, Cancel& cancel, const Tuning& tuning);

    Status search(BestAnswers& best, const HammingConstraint& constraint, std::size_t max_nodes) override;

  private:
    struct Child {
        Value bound;
        std::size_t i;
    };

    Value* totals(std::size_t depth) { return &totals_[depth * problem_.n_metrics()]; }
    Value* capacities(std::size_t depth) { return &capacities_[depth * bounds_.size()]; }
    std::size_t* differing(std::size_t depth) { return &differing_[depth * constraint_->earlier.size()]; }

    bool lower_bound(std::size_t depth, Value& least);
    bool is_pruned_by_bound(std::size_t depth, Value bound);
    bool can_keep_min_distance(std::size_t depth);
    void take_row(std::size_t depth, std::size_t i);
    void expand(std::size_t depth);
    void visit(std::size_t depth, Value bound);
    void record();

    const Problem& problem_;
    const std::vector<Value>& budgets_;
    Cancel &deadline_, &cancel_;
    std::vector<std::size_t> block_at_;  // the block that is decided at each depth
    std::vector<PrunedBlock> blocks_;    // by depth
    std::vector<DpBound> bounds_;
    std::vector<Value> least_;                // by depth and metric: what the blocks from depth on add at least
    std::vector<Value> totals_, capacities_;  // of the partial subnet, by depth
    std::vector<std::size_t> differing_;      // by depth and earlier answer: decided blocks in which they differ
    std::vector<std::vector<Child>> children_;
    std::vector<Index> choice_;
    std::size_t max_nodes_ = 0;
    BestAnswers* best_ = nullptr;
    const HammingConstraint* constraint_ = nullptr;
    Status status_ = Status::complete;
};

}  // namespace qabwnas

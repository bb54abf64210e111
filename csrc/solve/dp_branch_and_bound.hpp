// Depth-first branch and bound over pruned blocks, most rows first.
//
// A partial subnet is left when its lower bound (relaxation.hpp), compared lexicographically, lies behind the k-th best
// subnet found; children are tried in the order of their bounds. The answer is proved when the search ends. With one
// budget the bound is exact, and the search walks straight to the answers.
#pragma once

#include "core/cancel.hpp"
#include "pareto/prune.hpp"
#include "solve/dp_bounds.hpp"
#include "solve/tree_search.hpp"

namespace qabwnas {

class BranchAndBound : public TreeSearch {
  public:
    // blocks: what is left of each block, values in metric order.
    BranchAndBound(const Problem& problem, const std::vector<Value>& budgets, std::vector<PrunedBlock> blocks,
                   Cancel& deadline, Cancel& cancel, const Tuning& tuning);

    Status search(BestAnswers& best, const Apart& apart, std::size_t max_nodes) override;

  private:
    struct Child {
        Value bound;
        std::size_t i;
    };

    Value* totals(std::size_t depth) { return &totals_[depth * problem_.n_metrics()]; }
    Value* rooms(std::size_t depth) { return &rooms_[depth * relaxations_.size()]; }
    std::size_t* differing(std::size_t depth) { return &differing_[depth * apart_->answers.size()]; }

    bool bound(std::size_t depth, Value& least);
    bool is_behind(std::size_t depth, Value bound);
    bool can_be_apart(std::size_t depth);
    void descend(std::size_t depth, std::size_t i);
    void expand(std::size_t depth);
    void visit(std::size_t depth, Value bound);
    void record();

    const Problem& problem_;
    const std::vector<Value>& budgets_;
    Cancel &deadline_, &cancel_;
    std::vector<std::size_t> block_at_;  // the block that is decided at each depth
    std::vector<PrunedBlock> blocks_;    // by depth
    std::vector<Relaxation> relaxations_;
    std::vector<Value> least_;            // by depth and metric: what the open blocks add at least
    std::vector<Value> totals_, rooms_;   // of the partial subnet, by depth
    std::vector<std::size_t> differing_;  // by depth and earlier answer: decided blocks in which they differ
    std::vector<std::vector<Child>> children_;
    std::vector<Index> choice_;
    std::size_t max_nodes_ = 0;
    BestAnswers* best_ = nullptr;
    const Apart* apart_ = nullptr;
    Status status_ = Status::complete;
};

}  // namespace qabwnas

// Depth-first branch and bound over pruned blocks, most rows first.
//
// A partial subnet is left when its lower bound (relaxation.hpp), compared lexicographically, lies behind the k-th best
// subnet found; children are tried in the order of their bounds. The answer is proved when the search ends. With one
// budget the bound is exact, and the search walks straight to the answers.
#pragma once

#include <set>

#include "qabwnas/prune.hpp"
#include "qabwnas/relaxation.hpp"
#include "qabwnas/top.hpp"

namespace qabwnas {

struct Answer {
    std::vector<Value> totals;
    std::vector<Index> choice;
    auto operator<=>(const Answer&) const = default;
};

class BranchAndBound {
  public:
    // blocks: what is left of each block, values in metric order. Limits and cancel are shared by several searches.
    BranchAndBound(const Problem& problem, const std::vector<Value>& budgets, std::vector<PrunedBlock> blocks,
                   Cancel& deadline, Cancel& cancel);

    // Finds the k best; `known` are subnets found before, to start from. Status::complete if it is proved.
    Status search(std::size_t k, std::set<Answer> known, std::size_t max_nodes);

    // Finds the k best at a distance, one after the other, into `best()`.
    Status search_apart(std::size_t k, std::size_t distance, std::size_t max_nodes);

    const std::set<Answer>& best() const { return best_; }
    const std::vector<Answer>& apart() const { return apart_; }
    std::size_t n_nodes() const { return n_nodes_; }
    Value open_bound() const { return open_bound_; }  // of what a limited search did not look at

  private:
    struct Child {
        Value bound;
        std::size_t i;
    };

    Value* totals(std::size_t depth) { return &totals_[depth * problem_.n_metrics()]; }
    Value* rooms(std::size_t depth) { return &rooms_[depth * relaxations_.size()]; }
    std::size_t* differing(std::size_t depth) { return &differing_[depth * apart_.size()]; }

    bool bound(std::size_t depth, Value& least);
    bool is_behind(std::size_t depth, Value bound);
    bool can_be_apart(std::size_t depth);
    void descend(std::size_t depth, std::size_t i);
    void expand(std::size_t depth);
    void visit(std::size_t depth, Value bound);
    void record();
    void begin(std::size_t max_nodes);

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
    std::size_t k_ = 1, distance_ = 1, max_nodes_ = 0, n_nodes_ = 0;
    std::set<Answer> best_;
    std::vector<Answer> apart_;
    Value open_bound_ = 0;
    Status status_ = Status::complete;
};

}  // namespace qabwnas

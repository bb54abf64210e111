// What the two direct searches share: the answers found so far, and how they are asked.
//
// branch_and_bound.hpp goes depth first behind staircases, which are exact bounds with one budget; linear_search.hpp
// goes best first behind linear relaxations, which hold several budgets together. Both give the same answers.
#pragma once

#include <memory>
#include <set>
#include <vector>

#include "core/cancel.hpp"
#include "core/problem.hpp"
#include "pareto/prune.hpp"

namespace qabwnas {

struct Answer {
    std::vector<Value> totals;
    std::vector<Index> choice;
    auto operator<=>(const Answer&) const = default;
};

// The k best subnets found so far, in the order of answers.
class BestAnswers {
  public:
    explicit BestAnswers(std::size_t k) : k_(k) {}

    std::size_t k() const { return k_; }
    bool are_complete() const { return answers_.size() == k_; }
    const Answer& worst() const { return *answers_.rbegin(); }
    const std::set<Answer>& all() const { return answers_; }

    // Returns whether the answer is new and among the k best.
    bool insert(Answer answer) {
        if (are_complete() && !(answer < worst())) return false;
        const bool is_new = answers_.insert(std::move(answer)).second;
        if (answers_.size() > k_) answers_.erase(std::prev(answers_.end()));
        return is_new;
    }

  private:
    std::size_t k_;
    std::set<Answer> answers_;
};

// Answers that a subnet must differ from, each in at least `distance` blocks.
struct Apart {
    std::vector<Answer> answers;
    std::size_t distance = 1;
};

class TreeSearch {
  public:
    virtual ~TreeSearch() = default;

    // Adds the best subnets to those in `best`. Status::complete: no subnet that is apart would still enter it.
    virtual Status search(BestAnswers& best, const Apart& apart, std::size_t max_nodes) = 0;

    std::size_t n_nodes() const { return n_nodes_; }  // of all searches
    Value open_bound() const { return open_bound_; }  // on the objective of what a limited search did not look at

  protected:
    std::size_t n_nodes_ = 0;
    Value open_bound_ = 0;
};

// The search that suits a problem. blocks: what is left of each block, values in metric order.
std::unique_ptr<TreeSearch> make_tree_search(const Problem& problem, const std::vector<Value>& budgets,
                                             std::vector<PrunedBlock> blocks, std::size_t k, Cancel& deadline,
                                             Cancel& cancel, const Tuning& tuning);

}  // namespace qabwnas

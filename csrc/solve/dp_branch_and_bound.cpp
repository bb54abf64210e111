#include "solve/dp_branch_and_bound.hpp"

#include <limits>
#include <numeric>

namespace qabwnas {

DpBranchAndBound::DpBranchAndBound(const Problem& problem, const std::vector<Value>& budgets,
                                   std::vector<PrunedBlock> blocks, Cancel& deadline, Cancel& cancel,
                                   const Tuning& tuning)
    : problem_(problem), budgets_(budgets), deadline_(deadline), cancel_(cancel) {
    const std::size_t n_blocks = problem.n_blocks(), d = problem.n_metrics();
    block_at_.resize(n_blocks);
    std::iota(block_at_.begin(), block_at_.end(), std::size_t{0});
    std::stable_sort(block_at_.begin(), block_at_.end(),
                     [&](std::size_t a, std::size_t b) { return blocks[a].rows.size() > blocks[b].rows.size(); });
    for (const std::size_t b : block_at_) blocks_.push_back(std::move(blocks[b]));
    bounds_ = dp_bounds(blocks_, problem.aggregations, problem.origin, budgets, cancel, tuning);

    least_.resize((n_blocks + 1) * d);
    for (std::size_t m = 0; m < d; ++m)
        least_[n_blocks * d + m] = problem.aggregations[m] == Aggregation::sum ? 0 : std::numeric_limits<Value>::min();
    for (std::size_t depth = n_blocks; depth-- > 0;) {
        for (std::size_t m = 0; m < d; ++m) {
            Value smallest = unlimited;
            for (std::size_t i = 0; i < blocks_[depth].rows.size(); ++i)
                smallest = std::min(smallest, blocks_[depth].values[i * d + m]);
            least_[depth * d + m] = combine(problem.aggregations[m], least_[(depth + 1) * d + m], smallest);
        }
    }
    totals_.resize((n_blocks + 1) * d);
    std::copy(problem.origin.begin(), problem.origin.end(), totals_.begin());
    capacities_.resize((n_blocks + 1) * bounds_.size());
    for (std::size_t r = 0; r < bounds_.size(); ++r) capacities_[r] = bounds_[r].budget();
    children_.resize(n_blocks);
    choice_.resize(n_blocks);
}

Status DpBranchAndBound::search(BestAnswers& best, const HammingConstraint& constraint, std::size_t max_nodes) {
    best_ = &best;
    constraint_ = &constraint;
    max_nodes_ = n_nodes_ + std::min(max_nodes, std::numeric_limits<std::size_t>::max() - n_nodes_);
    open_bound_ = unlimited;
    status_ = cancel_.requested() ? Status::cancelled : Status::complete;
    differing_.assign((blocks_.size() + 1) * constraint.earlier.size(), 0);
    if (status_ == Status::complete) visit(0, combine(problem_.aggregations[0], problem_.origin[0], least_[0]));
    return status_;
}

// Sets a lower bound on the objective of all subnets that complete the partial one at depth; false if none fits.
bool DpBranchAndBound::lower_bound(std::size_t depth, Value& least) {
    least = std::numeric_limits<Value>::min();
    for (std::size_t r = 0; r < bounds_.size(); ++r) {
        const Value* remaining = bounds_[r].states(depth).objective_within(capacities(depth)[r]);
        if (remaining == nullptr) return false;
        least = std::max(least, combine(problem_.aggregations[0], totals(depth)[0], *remaining));
    }
    return true;
}

// Whether no completion of the partial subnet at depth, whose objective is at least bound, can join the k best.
bool DpBranchAndBound::is_pruned_by_bound(std::size_t depth, Value bound) {
    if (!best_->are_complete()) return false;
    const std::vector<Value>& worst = best_->worst().totals;
    if (bound != worst[0]) return bound > worst[0];
    for (std::size_t m = 1; m < worst.size(); ++m) {
        const Value least = combine(problem_.aggregations[m], totals(depth)[m], least_[depth * worst.size() + m]);
        if (least != worst[m]) return least > worst[m];
    }
    return false;
}

// Whether some completion can differ from each earlier answer in enough blocks.
bool DpBranchAndBound::can_keep_min_distance(std::size_t depth) {
    const std::size_t n_open = blocks_.size() - depth;
    for (std::size_t a = 0; a < constraint_->earlier.size(); ++a)
        if (differing(depth)[a] + n_open < constraint_->min_distance) return false;
    return true;
}

void DpBranchAndBound::take_row(std::size_t depth, std::size_t i) {
    const std::size_t d = problem_.n_metrics();
    const Value* row = &blocks_[depth].values[i * d];
    for (std::size_t m = 0; m < d; ++m)
        totals(depth + 1)[m] = combine(problem_.aggregations[m], totals(depth)[m], row[m]);
    for (std::size_t r = 0; r < bounds_.size(); ++r)
        capacities(depth + 1)[r] = capacities(depth)[r] - bounds_[r].cost(depth, i);
    const std::size_t block = block_at_[depth];
    choice_[block] = blocks_[depth].rows[i];
    for (std::size_t a = 0; a < constraint_->earlier.size(); ++a)
        differing(depth + 1)[a] =
            differing(depth)[a] + (constraint_->earlier[a].choice[block] != choice_[block] ? 1 : 0);
}

// Lists the children of the partial subnet at depth that can lead to an answer, by their bounds.
void DpBranchAndBound::expand(std::size_t depth) {
    std::vector<Child>& children = children_[depth];
    children.clear();
    for (std::size_t i = 0; i < blocks_[depth].rows.size(); ++i) {
        if (++n_nodes_ > max_nodes_ || deadline_.requested()) status_ = Status::limit;
        if (cancel_.requested()) status_ = Status::cancelled;
        if (status_ != Status::complete) return;
        take_row(depth, i);
        Value least;
        if (!can_keep_min_distance(depth + 1) || !lower_bound(depth + 1, least) || least > budgets_[0]) continue;
        if (!is_pruned_by_bound(depth + 1, least)) children.push_back({least, i});
    }
    std::stable_sort(children.begin(), children.end(),
                     [](const Child& a, const Child& b) { return a.bound < b.bound; });
}

void DpBranchAndBound::visit(std::size_t depth, Value bound) {
    if (depth == blocks_.size()) {
        record();
        return;
    }
    expand(depth);
    if (status_ != Status::complete) {
        open_bound_ = std::min(open_bound_, bound);
        return;
    }
    for (const Child& child : children_[depth]) {
        if (status_ != Status::complete) {  // children are sorted by their bounds
            open_bound_ = std::min(open_bound_, child.bound);
            return;
        }
        take_row(depth, child.i);
        if (!is_pruned_by_bound(depth + 1, child.bound)) visit(depth + 1, child.bound);
    }
}

void DpBranchAndBound::record() {
    const Value* total = totals(blocks_.size());
    for (std::size_t m = 0; m < problem_.n_metrics(); ++m)
        if (total[m] > budgets_[m]) return;
    best_->insert({{total, total + problem_.n_metrics()}, choice_});
}

}  // namespace qabwnas

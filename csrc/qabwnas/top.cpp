#include "qabwnas/top.hpp"

#include <limits>
#include <numeric>
#include <optional>
#include <set>

#include "qabwnas/prune.hpp"
#include "qabwnas/relaxation.hpp"

namespace qabwnas {

namespace {

constexpr Value unlimited = std::numeric_limits<Value>::max();

// Rows that some choice of the other blocks keeps within every budget; values in metric order. Empty: infeasible.
std::vector<std::vector<Index>> usable_rows(const Problem& problem, const std::vector<Value>& budgets) {
    std::vector<std::vector<Index>> usable(problem.n_blocks());
    for (std::size_t b = 0; b < problem.n_blocks(); ++b) {
        usable[b].resize(problem.blocks[b].n_rows);
        std::iota(usable[b].begin(), usable[b].end(), Index{0});
    }
    for (std::size_t m = 0; m < problem.n_metrics(); ++m) {
        if (budgets[m] == unlimited) continue;
        const bool sums = problem.aggregations[m] == Aggregation::sum;
        Value least = problem.origin[m];  // of all totals
        std::vector<Value> smallest(problem.n_blocks());
        for (std::size_t b = 0; b < problem.n_blocks(); ++b) {
            const Value* column = problem.blocks[b].column(m);
            smallest[b] = *std::min_element(column, column + problem.blocks[b].n_rows);
            least = combine(problem.aggregations[m], least, smallest[b]);
        }
        if (least > budgets[m]) return {};
        for (std::size_t b = 0; b < problem.n_blocks(); ++b) {
            const Value room = sums ? budgets[m] - least + smallest[b] : budgets[m];
            const Value* column = problem.blocks[b].column(m);
            std::erase_if(usable[b], [&](Index row) { return column[row] > room; });
            if (usable[b].empty()) return {};
        }
    }
    return usable;
}

// The usable rows of a block, pruned to the k-skyband; values in metric order.
PrunedBlock prune_usable(const Columns& block, const std::vector<Index>& usable, const SweepOrder& order, std::size_t k,
                         Cancel& cancel) {
    const std::size_t d = order.size();
    std::vector<Value> values(d * usable.size());
    for (std::size_t m = 0; m < d; ++m)
        for (std::size_t i = 0; i < usable.size(); ++i)
            values[m * usable.size() + i] = block.at(m, static_cast<std::size_t>(usable[i]));
    PrunedBlock pruned = prune({values.data(), usable.size(), usable.size()}, order, k, cancel);
    for (std::size_t i = 0; i < pruned.rows.size(); ++i) {
        const auto row = static_cast<std::size_t>(pruned.rows[i]);
        for (std::size_t m = 0; m < d; ++m) pruned.values[i * d + m] = values[m * usable.size() + row];
        pruned.rows[i] = usable[row];
    }
    return pruned;
}

struct Answer {
    std::vector<Value> totals;
    std::vector<Index> choice;
    auto operator<=>(const Answer&) const = default;
};

class Search {
  public:
    Search(const Problem& problem, const std::vector<Value>& budgets, std::size_t k, std::size_t max_nodes,
           const std::vector<std::vector<Index>>& usable, Cancel& cancel)
        : problem_(problem), budgets_(budgets), k_(k), max_nodes_(max_nodes), cancel_(cancel) {
        const std::size_t n_blocks = problem.n_blocks(), d = problem.n_metrics();
        const SweepOrder order(problem.aggregations);
        std::vector<PrunedBlock> pruned(n_blocks);
        for (std::size_t b = 0; b < n_blocks; ++b)
            pruned[b] = prune_usable(problem.blocks[b], usable[b], order, k, cancel);
        if (cancel.requested()) return;  // blocks may be cut short; run() gives the status
        block_at_.resize(n_blocks);
        std::iota(block_at_.begin(), block_at_.end(), std::size_t{0});
        std::stable_sort(block_at_.begin(), block_at_.end(),
                         [&](std::size_t a, std::size_t b) { return pruned[a].rows.size() > pruned[b].rows.size(); });
        for (const std::size_t b : block_at_) blocks_.push_back(std::move(pruned[b]));
        relaxations_ = relax(blocks_, problem.aggregations, problem.origin, budgets, cancel);

        least_.resize((n_blocks + 1) * d);
        for (std::size_t m = 0; m < d; ++m)
            least_[n_blocks * d + m] =
                problem.aggregations[m] == Aggregation::sum ? 0 : std::numeric_limits<Value>::min();
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
        rooms_.resize((n_blocks + 1) * relaxations_.size());
        for (std::size_t r = 0; r < relaxations_.size(); ++r) rooms_[r] = relaxations_[r].budget();
        children_.resize(n_blocks);
        choice_.resize(n_blocks);
    }

    Top run() {
        Top result;
        if (cancel_.requested()) {
            result.status = Status::cancelled;
            return result;
        }
        const std::optional<Value> root = bound(0);
        if (root) visit(0);
        result.bound = root.value_or(unlimited);
        result.status = status_;
        if (status_ == Status::complete) {
            if (best_.empty())
                result.status = Status::infeasible;
            else
                result.bound = best_.begin()->totals[0];
        }
        result.n_pairs = n_nodes_;
        for (const Answer& answer : best_) {
            result.totals.insert(result.totals.end(), answer.totals.begin(), answer.totals.end());
            result.choice.insert(result.choice.end(), answer.choice.begin(), answer.choice.end());
        }
        return result;
    }

  private:
    struct Child {
        Value bound;
        std::size_t i;
    };

    Value* totals(std::size_t depth) { return &totals_[depth * problem_.n_metrics()]; }
    Value* rooms(std::size_t depth) { return &rooms_[depth * relaxations_.size()]; }

    // A lower bound on the objective of every subnet that completes the partial one at depth; none: no completion fits.
    std::optional<Value> bound(std::size_t depth) {
        Value least = std::numeric_limits<Value>::min();
        for (std::size_t r = 0; r < relaxations_.size(); ++r) {
            const Value* suffix = relaxations_[r].suffix(depth).objective_within(rooms(depth)[r]);
            if (suffix == nullptr) return std::nullopt;
            least = std::max(least, combine(problem_.aggregations[0], totals(depth)[0], *suffix));
        }
        return least;
    }

    // Whether no completion of the partial subnet at depth, whose objective is at least bound, can join the k best.
    bool is_behind(std::size_t depth, Value bound) {
        if (best_.size() < k_) return false;
        const std::vector<Value>& worst = best_.rbegin()->totals;
        if (bound != worst[0]) return bound > worst[0];
        for (std::size_t m = 1; m < worst.size(); ++m) {
            const Value least = combine(problem_.aggregations[m], totals(depth)[m], least_[depth * worst.size() + m]);
            if (least != worst[m]) return least > worst[m];
        }
        return false;
    }

    void descend(std::size_t depth, std::size_t i) {
        const std::size_t d = problem_.n_metrics();
        const Value* row = &blocks_[depth].values[i * d];
        for (std::size_t m = 0; m < d; ++m)
            totals(depth + 1)[m] = combine(problem_.aggregations[m], totals(depth)[m], row[m]);
        for (std::size_t r = 0; r < relaxations_.size(); ++r)
            rooms(depth + 1)[r] = rooms(depth)[r] - relaxations_[r].cost(depth, i);
        choice_[block_at_[depth]] = blocks_[depth].rows[i];
    }

    void visit(std::size_t depth) {
        if (depth == blocks_.size()) {
            record();
            return;
        }
        std::vector<Child>& children = children_[depth];
        children.clear();
        for (std::size_t i = 0; i < blocks_[depth].rows.size(); ++i) {
            if (cancel_.requested()) status_ = Status::cancelled;
            if (++n_nodes_ > max_nodes_) status_ = Status::limit;
            if (status_ != Status::complete) return;
            descend(depth, i);
            const std::optional<Value> least = bound(depth + 1);
            if (least && !is_behind(depth + 1, *least)) children.push_back({*least, i});
        }
        std::stable_sort(children.begin(), children.end(),
                         [](const Child& a, const Child& b) { return a.bound < b.bound; });
        for (const Child& child : children) {
            descend(depth, child.i);
            if (is_behind(depth + 1, child.bound)) continue;
            visit(depth + 1);
            if (status_ != Status::complete) return;
        }
    }

    void record() {
        const Value* total = totals(blocks_.size());
        Answer answer{{total, total + problem_.n_metrics()}, choice_};
        for (std::size_t m = 0; m < answer.totals.size(); ++m)
            if (answer.totals[m] > budgets_[m]) return;
        best_.insert(std::move(answer));
        if (best_.size() > k_) best_.erase(std::prev(best_.end()));
    }

    const Problem& problem_;
    const std::vector<Value>& budgets_;
    const std::size_t k_, max_nodes_;
    Cancel& cancel_;
    std::vector<std::size_t> block_at_;  // the block that is decided at each depth
    std::vector<PrunedBlock> blocks_;    // by depth, values in metric order
    std::vector<Relaxation> relaxations_;
    std::vector<Value> least_;           // by depth and metric: what the open blocks add at least
    std::vector<Value> totals_, rooms_;  // of the partial subnet, by depth
    std::vector<std::vector<Child>> children_;
    std::vector<Index> choice_;
    std::set<Answer> best_;
    std::size_t n_nodes_ = 0;
    Status status_ = Status::complete;
};

}  // namespace

Top top(const Problem& problem, const std::vector<Value>& budgets, std::size_t k, std::size_t max_nodes,
        Cancel& cancel) {
    const std::vector<std::vector<Index>> usable = usable_rows(problem, budgets);
    if (usable.empty()) {
        Top infeasible;
        infeasible.status = Status::infeasible;
        return infeasible;
    }
    return Search(problem, budgets, k, max_nodes, usable, cancel).run();
}

}  // namespace qabwnas

#include "qabwnas/top.hpp"

#include <chrono>
#include <limits>
#include <numeric>

#include "qabwnas/branch_and_bound.hpp"
#include "qabwnas/lagrangian.hpp"
#include "qabwnas/prune.hpp"

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

// Finds the answers, and keeps count of what the limits allow.
class Search {
  public:
    Search(const Problem& problem, const std::vector<Value>& budgets, const TopLimits& limits, Cancel& cancel)
        : problem_(problem),
          budgets_(budgets),
          order_(problem.aggregations),
          nodes_left_(limits.max_nodes),
          deadline_([end = Clock::now() + duration(limits.max_seconds)] { return Clock::now() >= end; }),
          cancel_(cancel) {}

    Top run(std::size_t k, std::size_t distance) {
        const std::vector<std::vector<Index>> usable = usable_rows(problem_, budgets_);
        if (usable.empty()) {
            Top infeasible;
            infeasible.status = Status::infeasible;
            return infeasible;
        }
        if (distance > 1) return apart(usable, k, distance);
        std::vector<PrunedBlock> minimal = pruned(usable, problem_.aggregations[0] == Aggregation::sum ? 1 : k);
        if (k == 1 || problem_.aggregations[0] != Aggregation::sum) return proved(std::move(minimal), k, {});
        if (cancel_.requested()) return cancelled();

        const Lagrangian lagrangian(minimal, problem_.aggregations, problem_.origin, budgets_);
        BranchAndBound first(problem_, budgets_, std::move(minimal), deadline_, cancel_);
        const Status status = first.search(k, {}, nodes_left_);
        nodes_left_ -= std::min(nodes_left_, first.n_nodes());
        n_nodes_ += first.n_nodes();
        std::vector<std::vector<Index>> rows = usable;
        if (status == Status::complete && first.best().size() == k) {
            const Value worst = first.best().rbegin()->totals[0];
            for (std::size_t b = 0; b < rows.size(); ++b)
                std::erase_if(rows[b], [&](Index row) {
                    return lagrangian.is_above(worst, b, problem_.blocks[b], static_cast<std::size_t>(row));
                });
        }
        return proved(pruned(rows, k), k, first.best());
    }

  private:
    using Clock = std::chrono::steady_clock;

    static Clock::duration duration(double seconds) {
        constexpr double longest = 1e9;  // more would not fit the clock
        return std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(std::min(seconds, longest)));
    }

    std::vector<PrunedBlock> pruned(const std::vector<std::vector<Index>>& rows, std::size_t k) {
        std::vector<PrunedBlock> blocks;
        for (std::size_t b = 0; b < rows.size(); ++b)
            blocks.push_back(prune_usable(problem_.blocks[b], rows[b], order_, k, cancel_));
        return blocks;
    }

    Top proved(std::vector<PrunedBlock> blocks, std::size_t k, const std::set<Answer>& known) {
        if (cancel_.requested()) return cancelled();  // blocks may be cut short
        BranchAndBound search(problem_, budgets_, std::move(blocks), deadline_, cancel_);
        const Status status = search.search(k, known, nodes_left_);
        n_nodes_ += search.n_nodes();
        return result(status, {search.best().begin(), search.best().end()}, search.open_bound());
    }

    Top apart(const std::vector<std::vector<Index>>& usable, std::size_t k, std::size_t distance) {
        std::vector<PrunedBlock> blocks = pruned(usable, k);
        if (cancel_.requested()) return cancelled();
        BranchAndBound search(problem_, budgets_, std::move(blocks), deadline_, cancel_);
        const Status status = search.search_apart(k, distance, nodes_left_);
        n_nodes_ += search.n_nodes();
        // What was not looked at may be better than the first answer only while that is searched for.
        const Value open = search.apart().size() > 1 ? search.apart()[0].totals[0] : search.open_bound();
        return result(status, search.apart(), open);
    }

    Top cancelled() const {
        Top none;
        none.status = Status::cancelled;
        return none;
    }

    Top result(Status status, const std::vector<Answer>& answers, Value open_bound) const {
        Top top;
        top.status = status == Status::complete && answers.empty() ? Status::infeasible : status;
        top.bound = answers.empty() ? open_bound : std::min(open_bound, answers[0].totals[0]);
        top.n_pairs = n_nodes_;
        for (const Answer& answer : answers) {
            top.totals.insert(top.totals.end(), answer.totals.begin(), answer.totals.end());
            top.choice.insert(top.choice.end(), answer.choice.begin(), answer.choice.end());
        }
        return top;
    }

    const Problem& problem_;
    const std::vector<Value>& budgets_;
    const SweepOrder order_;
    std::size_t nodes_left_, n_nodes_ = 0;
    Cancel deadline_;
    Cancel& cancel_;
};

}  // namespace

Top top(const Problem& problem, const std::vector<Value>& budgets, std::size_t k, std::size_t distance,
        const TopLimits& limits, Cancel& cancel) {
    return Search(problem, budgets, limits, cancel).run(k, distance);
}

}  // namespace qabwnas

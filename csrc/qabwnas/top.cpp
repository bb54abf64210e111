#include "qabwnas/top.hpp"

#include <chrono>
#include <limits>
#include <memory>
#include <numeric>

#include "qabwnas/branch_and_bound.hpp"
#include "qabwnas/lagrangian.hpp"
#include "qabwnas/linear_search.hpp"
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
        BestAnswers best(k);
        if (k == 1 || problem_.aggregations[0] != Aggregation::sum) return proved(pruned(usable, k), best);

        std::vector<PrunedBlock> minimal = pruned(usable, 1);
        if (cancel_.requested()) return cancelled();
        const Lagrangian lagrangian(minimal, problem_.aggregations, problem_.origin, budgets_, cancel_);
        const Top first = proved(std::move(minimal), best);
        if (first.status != Status::complete && first.status != Status::infeasible) return first;
        std::vector<std::vector<Index>> rows = usable;
        if (best.are_complete()) {
            const Value worst = best.worst().totals[0];
            for (std::size_t b = 0; b < rows.size(); ++b)
                std::erase_if(rows[b], [&](Index row) {
                    return lagrangian.is_above(worst, b, problem_.blocks[b], static_cast<std::size_t>(row));
                });
        }
        return proved(pruned(rows, k), best);
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

    // Staircases are exact for one budget; only linear relaxations hold several together, and they want a sum.
    std::unique_ptr<TreeSearch> tree_search(std::vector<PrunedBlock> blocks) {
        std::size_t n_budgets = 0;
        for (std::size_t m = 1; m < problem_.n_metrics(); ++m)
            n_budgets += problem_.aggregations[m] == Aggregation::sum && budgets_[m] != unlimited ? 1 : 0;
        if (problem_.aggregations[0] == Aggregation::sum && n_budgets > 1)
            return std::make_unique<LinearSearch>(problem_, budgets_, blocks, deadline_, cancel_);
        return std::make_unique<BranchAndBound>(problem_, budgets_, std::move(blocks), deadline_, cancel_);
    }

    Top proved(std::vector<PrunedBlock> blocks, BestAnswers& best) {
        if (cancel_.requested()) return cancelled();  // blocks may be cut short
        const std::unique_ptr<TreeSearch> search = tree_search(std::move(blocks));
        const Status status = search->search(best, {}, nodes_left_);
        count(search->n_nodes());
        return result(status, {best.all().begin(), best.all().end()}, search->open_bound());
    }

    Top apart(const std::vector<std::vector<Index>>& usable, std::size_t k, std::size_t distance) {
        std::vector<PrunedBlock> blocks = pruned(usable, k);
        if (cancel_.requested()) return cancelled();
        const std::unique_ptr<TreeSearch> search = tree_search(std::move(blocks));
        Apart found{{}, distance};
        Status status = Status::complete;
        while (found.answers.size() < k && status == Status::complete) {
            const std::size_t n_before = search->n_nodes();
            BestAnswers best(1);
            status = search->search(best, found, nodes_left_);
            count(search->n_nodes() - n_before);
            if (best.all().empty()) break;
            found.answers.push_back(best.worst());
        }
        // What was not looked at may be better than the first answer only while that is searched for.
        const Value open = found.answers.size() > 1 ? found.answers[0].totals[0] : search->open_bound();
        return result(status, found.answers, open);
    }

    void count(std::size_t n_nodes) {
        n_nodes_ += n_nodes;
        nodes_left_ -= std::min(nodes_left_, n_nodes);
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

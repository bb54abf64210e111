#include "solve/lagrangian_pricing.hpp"

#include <algorithm>
#include <cmath>
#include <memory>

#include "core/dispatch.hpp"
#include "solve/lagrangian.hpp"
#include "solve/lp_branch_and_bound.hpp"
#include "solve/presolve.hpp"

namespace qabwnas {

namespace {

void sort_unique(std::vector<Index>& rows) {
    std::sort(rows.begin(), rows.end());
    rows.erase(std::unique(rows.begin(), rows.end()), rows.end());
}

QABWNAS_CLONES Value least(const Value* column, std::size_t n) {
    Value smallest = column[0];
    for (std::size_t i = 0; i < n; ++i) smallest = std::min(smallest, column[i]);
    return smallest;
}

// Rows spread over a block, and the row of the least value of each metric with a budget. With those, a feasible problem
// mostly stays feasible.
std::vector<Index> sampled_rows(const Columns& block, const std::vector<Value>& budgets) {
    constexpr std::size_t n_spread = 32;
    std::vector<Index> rows;
    for (std::size_t i = 0; i < std::min(n_spread, block.n_rows); ++i)
        rows.push_back(static_cast<Index>(i * block.n_rows / std::min(n_spread, block.n_rows)));
    for (std::size_t m = 0; m < budgets.size(); ++m) {
        if (budgets[m] == unlimited) continue;
        const Value* column = block.column(m);
        const Value* end = column + block.n_rows;
        rows.push_back(static_cast<Index>(std::find(column, end, least(column, block.n_rows)) - column));
    }
    sort_unique(rows);
    return rows;
}

// How many rows the k best subnets mostly use.
std::size_t core_size(std::size_t k) { return 16 + static_cast<std::size_t>(16 * std::sqrt(static_cast<double>(k))); }

class LagrangianPricing {
  public:
    LagrangianPricing(const Problem& problem, const std::vector<Value>& budgets, const SweepOrder& order,
                      BestAnswers& best, const PricingLimits& limits, const Tuning& tuning)
        : problem_(problem), budgets_(budgets), order_(order), best_(best), limits_(limits), tuning_(tuning) {}

    PricedRows run() {
        tuning_.count(&PathCounts::pricings);
        std::vector<std::vector<Index>> rows;
        for (const Columns& block : problem_.blocks) rows.push_back(sampled_rows(block, budgets_));
        if (!make_core(rows, 1)) return {};
        const Lagrangian first(problem_, budgets_, lp_branch_and_bound().lagrange_multipliers());
        constexpr std::size_t n_ranges = 20;
        for (std::size_t b = 0; b < rows.size(); ++b) {
            rows[b] = first.least_cost_rows(b, n_ranges);
            rows[b].insert(rows[b].end(), blocks_[b].rows.begin(), blocks_[b].rows.end());
            sort_unique(rows[b]);
        }
        if (!make_core(rows, 1)) return {};
        LpBranchAndBound core = lp_branch_and_bound();
        const Lagrangian second(problem_, budgets_, core.lagrange_multipliers());
        if (best_.k() > 1 && search_cores(second)) return {{}, true, n_nodes_};
        search(core, 64 * best_.k());
        if (!best_.are_complete()) return {{}, false, n_nodes_};
        return {prune_subsets(problem_, rows_within(second, second.gap_of(best_.worst().totals[0])), order_, best_.k(),
                              limits_.cancel, tuning_),
                false, n_nodes_};
    }

  private:
    // Prunes and presolves some rows into blocks_; false if no subnet of them fits, or if the call was cancelled.
    bool make_core(const std::vector<std::vector<Index>>& rows, std::size_t k) { return make_core(rows, k, budgets_); }

    bool make_core(const std::vector<std::vector<Index>>& rows, std::size_t k, const std::vector<Value>& budgets) {
        blocks_ = prune_subsets(problem_, rows, order_, k, limits_.cancel, tuning_);
        return !limits_.cancel.requested() && presolve(blocks_, problem_, budgets, order_);
    }

    LpBranchAndBound lp_branch_and_bound() const {
        return {problem_, budgets_, blocks_, limits_.deadline, limits_.cancel, tuning_};
    }

    std::vector<std::vector<Index>> rows_within(const Lagrangian& lagrangian, double gap) const {
        std::vector<std::vector<Index>> rows;
        for (std::size_t b = 0; b < problem_.n_blocks(); ++b) rows.push_back(lagrangian.rows_within(b, gap));
        return rows;
    }

    Status search(TreeSearch& tree, std::size_t max_nodes) {
        const std::size_t left = limits_.max_nodes - std::min(limits_.max_nodes, n_nodes_);
        const Status status = tree.search(best_, {}, std::min(left, max_nodes));
        n_nodes_ += tree.n_nodes();
        return status;
    }

    // Searches larger and larger cores, each for the subnets that no other rows are part of. Returns whether the
    // answers are proved.
    bool search_cores(const Lagrangian& lagrangian) {
        const std::size_t max_nodes = n_nodes_ + 512 * best_.k();
        std::size_t n_rows = core_size(best_.k());
        while (n_nodes_ < max_nodes) {
            const double gap = lagrangian.gap_of_rows(n_rows);
            std::vector<Value> budgets = budgets_;
            budgets[0] = std::min(budgets[0], lagrangian.objective_within(gap));
            tuning_.count(&PathCounts::cores);
            if (make_core(rows_within(lagrangian, gap), best_.k(), budgets)) {
                const std::unique_ptr<TreeSearch> core = make_tree_search(
                    problem_, budgets, std::move(blocks_), best_.k(), limits_.deadline, limits_.cancel, tuning_);
                if (search(*core, max_nodes - n_nodes_) != Status::complete) return false;
            }
            if (limits_.cancel.requested()) return false;
            if (best_.are_complete() || std::isinf(gap)) return true;
            n_rows += best_.all().empty() ? 2 * n_rows : n_rows / 2;
        }
        return false;
    }

    const Problem& problem_;
    const std::vector<Value>& budgets_;
    const SweepOrder& order_;
    BestAnswers& best_;
    const PricingLimits& limits_;
    const Tuning& tuning_;
    std::vector<PrunedBlock> blocks_;
    std::size_t n_nodes_ = 0;
};

}  // namespace

bool pricing_pays_off(const Problem& problem, const std::vector<Value>& budgets, std::size_t k, const Tuning& tuning) {
    // Pruning by one cost is faster than pricing. Pruning of many rows by several costs, or to a k-skyband, is slower.
    std::size_t n_rows = 0;
    for (const Columns& block : problem.blocks) n_rows += block.n_rows;
    return problem.aggregations[0] == Aggregation::sum &&
           (k > 1 || (n_budgeted_sums(problem, budgets) > 1 && n_rows >= tuning.pricing_rows));
}

PricedRows lagrangian_pricing(const Problem& problem, const std::vector<Value>& budgets, const SweepOrder& order,
                              BestAnswers& best, const PricingLimits& limits, const Tuning& tuning) {
    return LagrangianPricing(problem, budgets, order, best, limits, tuning).run();
}

}  // namespace qabwnas

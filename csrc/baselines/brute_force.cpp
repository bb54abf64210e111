#include "baselines/brute_force.hpp"

#include <tuple>

#include "core/dispatch.hpp"

namespace qabwnas {

namespace {

// The totals of a partial subnet, and the rows from first to last, one of which completes it.
struct Slab {
    const Value* partial;  // one total per metric
    std::size_t first, last;
};

// Writes the objectives of a slab's subnets, unlimited for those above a budget; returns the smallest.
QABWNAS_CLONES Value least_objective(const Problem& problem, const Value* budgets, const Columns& rows, Slab at,
                                     Value* objectives) {
    const std::size_t n = at.last - at.first;
    for (std::size_t m = 0; m < problem.n_metrics(); ++m) {
        const Value* value = rows.column(m) + at.first;
        const Value partial = at.partial[m], budget = budgets[m];
        const bool sums = problem.aggregations[m] == Aggregation::sum;
        if (m == 0) {
            for (std::size_t i = 0; i < n; ++i) objectives[i] = sums ? partial + value[i] : std::max(partial, value[i]);
        } else if (sums) {
            for (std::size_t i = 0; i < n; ++i)
                objectives[i] = partial + value[i] <= budget ? objectives[i] : unlimited;
        } else {
            for (std::size_t i = 0; i < n; ++i)
                objectives[i] = std::max(partial, value[i]) <= budget ? objectives[i] : unlimited;
        }
    }
    Value least = unlimited;
    for (std::size_t i = 0; i < n; ++i) least = std::min(least, objectives[i]);
    return least <= budgets[0] ? least : unlimited;
}

// The odometer, and the best subnet so far.
class Odometer {
  public:
    Odometer(const Problem& problem, const std::vector<Value>& budgets, std::size_t rows_per_slab)
        : problem_(problem),
          budgets_(budgets),
          d_(problem.n_metrics()),
          choice_(problem.n_blocks(), 0),
          objectives_(rows_per_slab) {
        for (std::size_t b = 1; b < problem.n_blocks(); ++b)
            if (problem.blocks[b].n_rows > problem.blocks[inner_].n_rows) inner_ = b;
        for (std::size_t b = 0; b < problem.n_blocks(); ++b)
            if (b != inner_) wheels_.push_back(b);
        partial_.resize(d_ * (wheels_.size() + 1));
        std::copy(problem.origin.begin(), problem.origin.end(), partial_.begin());
        add_up_from(0);
    }

    Subnets run(std::size_t max_subnets, Cancel& cancel) {
        Subnets made;
        const std::size_t n_rows = problem_.blocks[inner_].n_rows, slab = objectives_.size();
        do {
            for (std::size_t first = 0; first < n_rows; first += slab) {
                const std::size_t n = std::min({slab, n_rows - first, max_subnets - made.n_pairs});
                scan({&partial_[d_ * wheels_.size()], first, first + n});
                made.n_pairs += n;
                const bool at_limit = n < std::min(slab, n_rows - first);
                if (at_limit || cancel.requested()) {
                    made.status = at_limit ? Status::limit : Status::cancelled;
                    return with_best(std::move(made));
                }
            }
        } while (turn());
        if (best_choice_.empty()) made.status = Status::infeasible;
        return with_best(std::move(made));
    }

  private:
    // Takes the next combination of all blocks except the innermost; false after the last.
    bool turn() {
        for (std::size_t w = wheels_.size(); w-- > 0;) {
            Index& row = choice_[wheels_[w]];
            if (static_cast<std::size_t>(++row) < problem_.blocks[wheels_[w]].n_rows) {
                add_up_from(w);
                return true;
            }
            row = 0;
        }
        return false;
    }

    void add_up_from(std::size_t w) {
        for (; w < wheels_.size(); ++w) {
            const Columns& block = problem_.blocks[wheels_[w]];
            const auto row = static_cast<std::size_t>(choice_[wheels_[w]]);
            for (std::size_t m = 0; m < d_; ++m)
                partial_[d_ * (w + 1) + m] = combine(problem_.aggregations[m], partial_[d_ * w + m], block.at(m, row));
        }
    }

    void scan(Slab at) {
        const Value least = least_objective(problem_, budgets_.data(), problem_.blocks[inner_], at, objectives_.data());
        if (least == unlimited || (!best_choice_.empty() && least > best_totals_[0])) return;
        for (std::size_t i = 0; i < at.last - at.first; ++i)
            if (objectives_[i] == least) record(at.partial, at.first + i);
    }

    void record(const Value* partial, std::size_t row) {
        const Columns& block = problem_.blocks[inner_];
        std::vector<Value> totals(d_);
        for (std::size_t m = 0; m < d_; ++m)
            totals[m] = combine(problem_.aggregations[m], partial[m], block.at(m, row));
        choice_[inner_] = static_cast<Index>(row);
        if (!best_choice_.empty() && std::tie(best_totals_, best_choice_) <= std::tie(totals, choice_)) return;
        best_totals_ = totals;
        best_choice_ = choice_;
    }

    Subnets with_best(Subnets made) const {
        made.totals = best_totals_;
        made.choice = best_choice_;
        return made;
    }

    const Problem& problem_;
    const std::vector<Value>& budgets_;
    const std::size_t d_;
    std::size_t inner_ = 0;
    std::vector<std::size_t> wheels_;  // all blocks except the innermost
    std::vector<Index> choice_;
    std::vector<Value> partial_;  // (wheels + 1) × metrics: totals of the fixed part and the wheels before
    std::vector<Value> best_totals_;
    std::vector<Index> best_choice_;
    std::vector<Value> objectives_;  // of a slab: they stay in the L1 cache
};

}  // namespace

Subnets brute_force(const Problem& problem, const std::vector<Value>& budgets, std::size_t max_subnets, Cancel& cancel,
                    const Tuning& tuning) {
    return Odometer(problem, budgets, tuning.brute_force_rows).run(max_subnets, cancel);
}

}  // namespace qabwnas

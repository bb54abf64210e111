// The linear relaxation of a search under several budgets: a block may be shared out among its rows.
//
// minimise Σ objective · x, where the shares x of every block's rows are at least 0 and make 1, and the costs of every
// budget make at most 1. Objectives and costs are given in shares too: at least 0, counted from each block's least, of
// the objective's range and of each budget's slack.
//
// A dual simplex method with generalised upper bounds (Dantzig, Van Slyke 1967): each block has one key row, whose
// share is what the others leave, and only as many further variables are basic as there are budgets, so that the matrix
// to be inverted has that size. Rows can be forbidden and allowed again: a basis that was optimal remains dual feasible
// when rows are forbidden, and a few pivots lead to the new optimum.
//
// Floating point only finds prices. Bounds are computed from these anew, as Lagrangian bounds (Geoffrion 1974), and
// lowered by more than rounding can have raised them; that nothing is feasible is checked in the same way.
//
// Complexity: O(rows × budgets + budgets³) a pivot.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "core/cancel.hpp"

namespace qabwnas {

class LinearRelaxation {
  public:
    enum class Outcome { solved, infeasible, above };

    struct Basis {
        std::vector<std::int32_t> keys;    // a block: its key row
        std::vector<std::int32_t> others;  // a budget: a further basic row, or −1 − j for what is left of budget j
    };

    // offsets: where every block's rows begin, and last their number; costs: by budget, then row.
    LinearRelaxation(std::vector<std::size_t> offsets, std::vector<double> objectives,
                     std::vector<std::vector<double>> costs);

    std::size_t n_rows() const { return objectives_.size(); }
    std::size_t n_blocks() const { return offsets_.size() - 1; }
    std::size_t first_row(std::size_t block) const { return offsets_[block]; }

    // Which rows may be used, 0 or 1 each; at least one a block.
    std::vector<std::uint8_t>& allowed() { return allowed_; }
    const std::vector<std::uint8_t>& allowed() const { return allowed_; }

    const Basis& basis() const { return basis_; }
    // A basis that was optimal while at least the rows were allowed that are now.
    void start_from(const Basis& basis);
    // The basis in which every block has its row of the least objective.
    void start_anew();

    // Solves, unless the bound passes the cutoff before. Solved: also where pivots do not come to an end; prices hold.
    Outcome solve(double cutoff, Cancel& cancel);

    // What a share of a budget's slack costs, in shares of the objective's range; at least 0.
    double multiplier(std::size_t budget) const { return std::max(spare_[budget], 0.0); }

    // The share of a row in the solution.
    double share(std::size_t row) const;

    // After solve: no choice of allowed rows has a smaller objective within the budgets; of those that use a row
    // (allowed or not), none has a smaller one than bound_with.
    double bound() const { return lowered(priced_, 0); }
    double bound_with(std::size_t block, std::size_t row) const {
        return lowered(priced_ - cheapest_[block], prices_[row]);
    }

  private:
    struct Leaving {
        bool is_key;
        std::size_t at;  // a block, or a position among the others
        bool is_above;   // a forbidden row has a share, rather than a variable less than none
        double amount;
    };

    double lowered(double without, double price) const {
        return without + price - multiplier_sum_ - (without + price + multiplier_sum_) * rounding_;
    }

    bool invert();
    void find_shares();
    void find_reduced_costs();
    bool find_leaving(Leaving& leaving) const;
    void make_row(const Leaving& leaving);
    bool pivot(const Leaving& leaving);
    void exchange(const Leaving& leaving, std::int32_t entering);
    double price(const std::vector<double>& multipliers, bool with_objective);
    bool is_surely_infeasible(const Leaving& leaving);
    void price_at_optimum();

    std::size_t n_budgets_;
    std::vector<std::size_t> offsets_, block_of_;
    std::vector<double> objectives_;
    std::vector<std::vector<double>> costs_;
    std::vector<std::uint8_t> allowed_, is_basic_;
    Basis basis_;
    std::vector<double> inverse_, work_;       // of the matrix of the others
    std::vector<double> key_shares_, shares_;  // of keys, and of the others
    std::vector<double> reduced_, spare_;      // reduced costs of rows, and of what is left of budgets
    std::vector<double> weights_, row_;        // of the leaving variable: over budgets, and over rows
    double objective_ = 0;                     // that the reduced costs belong to
    std::vector<double> prices_, cheapest_;    // of rows, and the least of every block's allowed rows
    double priced_ = 0, multiplier_sum_ = 0, rounding_;
};

}  // namespace qabwnas

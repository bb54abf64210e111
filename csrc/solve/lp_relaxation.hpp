// The LP relaxation of a search under several budgets: LP values share a block among several rows.
//
// Minimise Σ objective · x. The values x of each block's rows are at least 0 and sum to 1. The costs of each budget sum
// to at most 1. Objectives and costs are fractions, at least 0: counted from the least of each block, of the
// objective's range and of each budget's slack. With one budget this is the LP of the multiple-choice knapsack problem
// (Sinha and Zoltners 1979), with several that of the multidimensional one.
//
// A dual simplex method with generalised upper bounds (Dantzig and Van Slyke 1967): each block has one key row, whose
// value is what the others leave. In addition only as many variables are basic as there are budgets, and the matrix to
// invert has that size. Rows can be forbidden and allowed again. An optimal basis remains dual feasible when rows are
// forbidden, and a few pivots lead to the new optimum (warm start).
//
// Floating point only finds the dual values. Bounds are recomputed from these as Lagrangian bounds (Geoffrion 1974),
// and lowered by more than rounding can have raised them (safe dual bounds: Neumaier and Shcherbina 2004).
// Infeasibility is checked in the same way, by a Farkas certificate.
//
// Complexity: O(rows × budgets + budgets³) per pivot. One thread; no state is shared between instances.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "core/cancel.hpp"

namespace qabwnas {

class LpRelaxation {
  public:
    enum class Outcome { solved, infeasible, above_cutoff };

    struct Basis {
        std::vector<std::int32_t> keys;    // per block: its key row
        std::vector<std::int32_t> others;  // per budget: a further basic row, or −1 − j for the slack of budget j
    };

    // offsets: where the rows of each block begin, and last their number; costs: by budget, then row.
    LpRelaxation(std::vector<std::size_t> offsets, std::vector<double> objectives,
                 std::vector<std::vector<double>> costs);

    std::size_t n_rows() const { return objectives_.size(); }
    std::size_t n_blocks() const { return offsets_.size() - 1; }

    // Which rows may be used, 0 or 1 each; at least one per block.
    std::vector<std::uint8_t>& allowed() { return allowed_; }
    const std::vector<std::uint8_t>& allowed() const { return allowed_; }

    const Basis& basis() const { return basis_; }
    // Takes a basis that was optimal while at least the rows were allowed that are allowed now.
    void warm_start(const Basis& basis);
    // Takes the basis in which the key row of each block is its row with the least objective.
    void cold_start();

    // Solves, until the bound passes the cutoff. Also `solved` if the pivots do not come to an end; the bound holds.
    Outcome solve(double cutoff, Cancel& cancel);

    // The price of a budget's whole slack, as a fraction of the objective's range; at least 0.
    double dual_value(std::size_t budget) const { return std::max(duals_[budget], 0.0); }

    // The LP value of a row.
    double value(std::size_t row) const;

    // After solve: no choice of allowed rows within the budgets has a smaller objective. bound_with: the same for the
    // choices that use a row, allowed or not.
    double bound() const { return lowered(least_cost_sum_, 0); }
    double bound_with(std::size_t block, std::size_t row) const {
        return lowered(least_cost_sum_ - least_costs_[block], lagrangian_costs_[row]);
    }

  private:
    struct Leaving {
        bool is_key;
        std::size_t at;  // a block, or a position among the others
        bool is_above;   // a forbidden row with a positive value, rather than a negative variable
        double amount;
    };

    double lowered(double without, double cost) const {
        return without + cost - multiplier_sum_ - (without + cost + multiplier_sum_) * rounding_;
    }

    bool invert();
    void compute_values();
    void compute_reduced_costs();
    bool choose_leaving(Leaving& leaving) const;
    void compute_pivot_row(const Leaving& leaving);
    bool pivot(const Leaving& leaving);
    void exchange(const Leaving& leaving, std::int32_t entering);
    void compute_lagrangian_costs(bool with_objective);
    bool is_surely_infeasible(const Leaving& leaving);
    void bound_at_duals();

    std::size_t n_budgets_;
    std::vector<std::size_t> offsets_, block_of_;
    std::vector<double> objectives_;
    std::vector<std::vector<double>> costs_;
    std::vector<std::uint8_t> allowed_, is_basic_;
    Basis basis_;
    std::vector<double> inverse_, work_;             // of the matrix of the others
    std::vector<double> key_values_, other_values_;  // LP values of keys and others
    std::vector<double> reduced_costs_;              // of rows
    std::vector<double> duals_;        // dual values of the budgets, which are the reduced costs of their slacks
    std::vector<double> multipliers_;  // over the budgets: of the bound, or of the leaving variable's tableau row
    std::vector<double> pivot_row_;    // the leaving variable's row of the tableau
    double objective_ = 0;             // that the reduced costs belong to
    std::vector<double> lagrangian_costs_, least_costs_;  // of rows, and the least of each block's allowed rows
    double least_cost_sum_ = 0, multiplier_sum_ = 0, rounding_;
};

}  // namespace qabwnas

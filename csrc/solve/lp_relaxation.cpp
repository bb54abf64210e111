#include "solve/lp_relaxation.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/dispatch.hpp"

namespace qabwnas {

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double tolerance = 1e-9;               // LP values and pivots below this count as 0
constexpr std::size_t pivots_per_refresh = 128;  // then reduced costs are recomputed, because rounding errors add up

// values += factor × column
QABWNAS_CLONES void add(double* values, const double* column, double factor, std::size_t n) {
    for (std::size_t i = 0; i < n; ++i) values[i] += factor * column[i];
}

}  // namespace

LpRelaxation::LpRelaxation(std::vector<std::size_t> offsets, std::vector<double> objectives,
                           std::vector<std::vector<double>> costs)
    : n_budgets_(costs.size()),
      offsets_(std::move(offsets)),
      objectives_(std::move(objectives)),
      costs_(std::move(costs)),
      allowed_(objectives_.size(), 1),
      is_basic_(objectives_.size()),
      inverse_(n_budgets_ * n_budgets_),
      work_(2 * n_budgets_ * n_budgets_),
      key_values_(offsets_.size() - 1),
      other_values_(n_budgets_),
      reduced_costs_(objectives_.size()),
      duals_(n_budgets_),
      multipliers_(n_budgets_),
      pivot_row_(objectives_.size()),
      lagrangian_costs_(objectives_.size()),
      least_costs_(offsets_.size() - 1),
      // A sum errs by at most half a unit in the last place (2^-53) per term. No term is negative, so the error is
      // relative to the sum. This is several times that.
      rounding_(static_cast<double>(offsets_.size() + 4 * n_budgets_ + 16) * 0x1p-50) {
    for (std::size_t b = 0; b < n_blocks(); ++b) block_of_.insert(block_of_.end(), offsets_[b + 1] - offsets_[b], b);
    cold_start();
}

void LpRelaxation::cold_start() {
    Basis basis;
    for (std::size_t b = 0; b < n_blocks(); ++b) {
        std::size_t least = offsets_[b + 1];
        for (std::size_t row = offsets_[b]; row < offsets_[b + 1]; ++row)
            if (allowed_[row] != 0 && (least == offsets_[b + 1] || objectives_[row] < objectives_[least])) least = row;
        basis.keys.push_back(static_cast<std::int32_t>(least));
    }
    for (std::size_t j = 0; j < n_budgets_; ++j) basis.others.push_back(-1 - static_cast<std::int32_t>(j));
    warm_start(basis);
}

void LpRelaxation::warm_start(const Basis& basis) {
    basis_ = basis;
    std::fill(is_basic_.begin(), is_basic_.end(), std::uint8_t{0});
    for (const std::int32_t row : basis_.keys) is_basic_[static_cast<std::size_t>(row)] = 1;
    for (const std::int32_t other : basis_.others)
        if (other >= 0) is_basic_[static_cast<std::size_t>(other)] = 1;
}

// Inverts the matrix of the other variables by Gauss-Jordan elimination; returns whether an inverse exists. The column
// of a row is its costs less those of its block's key row.
bool LpRelaxation::invert() {
    const std::size_t n = n_budgets_, width = 2 * n;
    std::fill(work_.begin(), work_.end(), 0.0);
    for (std::size_t at = 0; at < n; ++at) {
        const std::int32_t other = basis_.others[at];
        if (other < 0) {
            work_[static_cast<std::size_t>(-1 - other) * width + at] = 1;
        } else {
            const auto row = static_cast<std::size_t>(other);
            const auto key = static_cast<std::size_t>(basis_.keys[block_of_[row]]);
            for (std::size_t j = 0; j < n; ++j) work_[j * width + at] = costs_[j][row] - costs_[j][key];
        }
        work_[at * width + n + at] = 1;
    }
    for (std::size_t column = 0; column < n; ++column) {
        std::size_t largest = column;
        for (std::size_t j = column + 1; j < n; ++j)
            if (std::abs(work_[j * width + column]) > std::abs(work_[largest * width + column])) largest = j;
        if (std::abs(work_[largest * width + column]) < 1e-11) return false;
        double* const pivot = &work_[column * width];
        if (largest != column) std::swap_ranges(pivot, pivot + width, &work_[largest * width]);
        const double scale = 1 / pivot[column];
        for (std::size_t i = column; i < width; ++i) pivot[i] *= scale;
        for (std::size_t j = 0; j < n; ++j) {
            const double factor = work_[j * width + column];
            if (j == column || factor == 0) continue;
            for (std::size_t i = column; i < width; ++i) work_[j * width + i] -= factor * pivot[i];
        }
    }
    for (std::size_t at = 0; at < n; ++at) std::copy_n(&work_[at * width + n], n, &inverse_[at * n]);
    return true;
}

void LpRelaxation::compute_values() {
    std::vector<double>& left = multipliers_;  // what the key rows leave of each budget
    std::fill(left.begin(), left.end(), 1.0);
    for (const std::int32_t key : basis_.keys)
        for (std::size_t j = 0; j < n_budgets_; ++j) left[j] -= costs_[j][static_cast<std::size_t>(key)];
    std::fill(key_values_.begin(), key_values_.end(), 1.0);
    for (std::size_t at = 0; at < n_budgets_; ++at) {
        double sum = 0;
        for (std::size_t j = 0; j < n_budgets_; ++j) sum += inverse_[at * n_budgets_ + j] * left[j];
        other_values_[at] = sum;
        if (basis_.others[at] >= 0) key_values_[block_of_[static_cast<std::size_t>(basis_.others[at])]] -= sum;
    }
}

void LpRelaxation::compute_reduced_costs() {
    std::fill(duals_.begin(), duals_.end(), 0.0);
    for (std::size_t at = 0; at < n_budgets_; ++at) {
        if (basis_.others[at] < 0) continue;
        const auto row = static_cast<std::size_t>(basis_.others[at]);
        const double gain = objectives_[row] - objectives_[static_cast<std::size_t>(basis_.keys[block_of_[row]])];
        for (std::size_t j = 0; j < n_budgets_; ++j) duals_[j] -= gain * inverse_[at * n_budgets_ + j];
    }
    reduced_costs_ = objectives_;
    objective_ = 0;
    for (std::size_t j = 0; j < n_budgets_; ++j) {
        add(reduced_costs_.data(), costs_[j].data(), duals_[j], n_rows());
        objective_ -= duals_[j];
    }
    for (std::size_t b = 0; b < n_blocks(); ++b) {
        const double key = reduced_costs_[static_cast<std::size_t>(basis_.keys[b])];
        objective_ += key;
        for (std::size_t row = offsets_[b]; row < offsets_[b + 1]; ++row) reduced_costs_[row] -= key;
    }
}

// The variable farthest outside its bounds; false if none is outside.
bool LpRelaxation::choose_leaving(Leaving& leaving) const {
    leaving.amount = tolerance;
    const auto look = [&](bool is_key, std::size_t at, double value, bool is_forbidden) {
        if (-value > leaving.amount) leaving = {is_key, at, false, -value};
        if (is_forbidden && value > leaving.amount) leaving = {is_key, at, true, value};
    };
    for (std::size_t at = 0; at < n_budgets_; ++at) {
        const std::int32_t other = basis_.others[at];
        look(false, at, other_values_[at], other >= 0 && allowed_[static_cast<std::size_t>(other)] == 0);
    }
    for (std::size_t b = 0; b < n_blocks(); ++b)
        look(true, b, key_values_[b], allowed_[static_cast<std::size_t>(basis_.keys[b])] == 0);
    return leaving.amount > tolerance;
}

// The leaving variable's row of the tableau: how much each entering variable takes away from it.
void LpRelaxation::compute_pivot_row(const Leaving& leaving) {
    if (leaving.is_key) {
        std::fill(multipliers_.begin(), multipliers_.end(), 0.0);
        for (std::size_t at = 0; at < n_budgets_; ++at) {
            const std::int32_t other = basis_.others[at];
            if (other < 0 || block_of_[static_cast<std::size_t>(other)] != leaving.at) continue;
            for (std::size_t j = 0; j < n_budgets_; ++j) multipliers_[j] -= inverse_[at * n_budgets_ + j];
        }
    } else {
        std::copy_n(&inverse_[leaving.at * n_budgets_], n_budgets_, multipliers_.begin());
    }
    std::fill(pivot_row_.begin(), pivot_row_.end(), 0.0);
    for (std::size_t j = 0; j < n_budgets_; ++j)
        if (multipliers_[j] != 0) add(pivot_row_.data(), costs_[j].data(), multipliers_[j], n_rows());
    for (std::size_t b = 0; b < n_blocks(); ++b) {
        const double own = leaving.is_key && b == leaving.at ? 1.0 : 0.0;
        const double base = own - pivot_row_[static_cast<std::size_t>(basis_.keys[b])];
        for (std::size_t row = offsets_[b]; row < offsets_[b + 1]; ++row) pivot_row_[row] += base;
    }
}

// Brings in the variable whose reduced cost vanishes first, the one with the largest pivot of several (ratio test).
// False if none can enter.
bool LpRelaxation::pivot(const Leaving& leaving) {
    const double sign = leaving.is_above ? 1 : -1;
    double ratio = infinity, largest = 0;
    constexpr std::int32_t nothing = std::numeric_limits<std::int32_t>::min();
    std::int32_t entering = nothing;
    const auto look = [&](std::int32_t variable, double reduced, double pivot) {
        const double here = std::max(reduced, 0.0) / pivot;
        if (here > ratio + 1e-12 || (here > ratio - 1e-12 && pivot <= largest)) return;
        ratio = here;
        largest = pivot;
        entering = variable;
    };
    for (std::size_t row = 0; row < n_rows(); ++row) {
        const double pivot = sign * pivot_row_[row];
        if (pivot > tolerance && allowed_[row] != 0 && is_basic_[row] == 0)
            look(static_cast<std::int32_t>(row), reduced_costs_[row], pivot);
    }
    for (std::size_t j = 0; j < n_budgets_; ++j) {
        const std::int32_t left = -1 - static_cast<std::int32_t>(j);
        if (sign * multipliers_[j] > tolerance &&
            std::find(basis_.others.begin(), basis_.others.end(), left) == basis_.others.end())
            look(left, duals_[j], sign * multipliers_[j]);
    }
    if (entering == nothing) return false;
    add(reduced_costs_.data(), pivot_row_.data(), -sign * ratio, n_rows());
    for (std::size_t j = 0; j < n_budgets_; ++j) duals_[j] -= sign * ratio * multipliers_[j];
    objective_ += ratio * leaving.amount;
    exchange(leaving, entering);
    return true;
}

void LpRelaxation::exchange(const Leaving& leaving, std::int32_t entering) {
    std::size_t at = leaving.at;
    std::int32_t left = leaving.is_key ? basis_.keys[leaving.at] : basis_.others[leaving.at];
    if (leaving.is_key) {
        // Another basic row of the block becomes its key. If there is none, only a row of the block can have been
        // chosen.
        bool has_other = false;
        for (std::size_t i = 0; i < n_budgets_; ++i) {
            const std::int32_t other = basis_.others[i];
            if (other < 0 || block_of_[static_cast<std::size_t>(other)] != leaving.at) continue;
            if (has_other && other_values_[i] <= other_values_[at]) continue;
            has_other = true;
            at = i;
        }
        basis_.keys[leaving.at] = has_other ? basis_.others[at] : entering;
        if (has_other) basis_.others[at] = entering;
    } else {
        basis_.others[at] = entering;
    }
    if (left >= 0) is_basic_[static_cast<std::size_t>(left)] = 0;
    if (entering >= 0) is_basic_[static_cast<std::size_t>(entering)] = 1;
}

LpRelaxation::Outcome LpRelaxation::solve(double cutoff, Cancel& cancel) {
    const auto steps = static_cast<std::uint32_t>(1 + n_rows() * n_budgets_ / 64);  // of a pivot, for Cancel
    if (!invert()) {
        cold_start();
        invert();
    }
    compute_reduced_costs();
    const std::size_t most_pivots = 200 + 50 * (n_blocks() + n_budgets_);  // far more than needed, except for a cycle
    for (std::size_t n_pivots = 1; n_pivots <= most_pivots && !cancel.requested(steps); ++n_pivots) {
        if (n_pivots % pivots_per_refresh == 0) compute_reduced_costs();
        if (objective_ > cutoff) {
            bound_at_duals();
            if (bound() > cutoff) return Outcome::above_cutoff;
        }
        compute_values();
        Leaving leaving{};
        if (!choose_leaving(leaving)) break;
        compute_pivot_row(leaving);
        if (!pivot(leaving)) {
            if (is_surely_infeasible(leaving)) return Outcome::infeasible;
            break;
        }
        if (!invert()) {
            cold_start();
            invert();
            compute_reduced_costs();
        }
    }
    bound_at_duals();
    return bound() > cutoff ? Outcome::above_cutoff : Outcome::solved;
}

double LpRelaxation::value(std::size_t row) const {
    const std::size_t block = block_of_[row];
    if (basis_.keys[block] == static_cast<std::int32_t>(row)) return key_values_[block];
    if (is_basic_[row] != 0)
        for (std::size_t at = 0; at < n_budgets_; ++at)
            if (basis_.others[at] == static_cast<std::int32_t>(row)) return other_values_[at];
    return 0;
}

// Computes the Lagrangian cost of each row at multipliers_ (none negative), and the sum of the blocks' least.
void LpRelaxation::compute_lagrangian_costs(bool with_objective) {
    if (with_objective)
        lagrangian_costs_ = objectives_;
    else
        std::fill(lagrangian_costs_.begin(), lagrangian_costs_.end(), 0.0);
    multiplier_sum_ = 0;
    for (std::size_t j = 0; j < n_budgets_; ++j) {
        multiplier_sum_ += multipliers_[j];
        if (multipliers_[j] > 0) add(lagrangian_costs_.data(), costs_[j].data(), multipliers_[j], n_rows());
    }
    least_cost_sum_ = 0;
    for (std::size_t b = 0; b < n_blocks(); ++b) {
        double least = infinity;
        for (std::size_t row = offsets_[b]; row < offsets_[b + 1]; ++row)
            if (allowed_[row] != 0) least = std::min(least, lagrangian_costs_[row]);
        least_costs_[b] = least;
        least_cost_sum_ += least;
    }
}

void LpRelaxation::bound_at_duals() {
    for (std::size_t j = 0; j < n_budgets_; ++j) multipliers_[j] = dual_value(j);
    compute_lagrangian_costs(true);
}

// Checks a Farkas certificate: the row in which no variable can enter gives multipliers at which even the least costs
// exceed the budgets together.
bool LpRelaxation::is_surely_infeasible(const Leaving& leaving) {
    for (double& multiplier : multipliers_) multiplier = std::max(leaving.is_above ? -multiplier : multiplier, 0.0);
    compute_lagrangian_costs(false);
    return bound() > 0;
}

}  // namespace qabwnas

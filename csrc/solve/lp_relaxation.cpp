#include "solve/lp_relaxation.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/dispatch.hpp"

namespace qabwnas {

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double small = 1e-9;              // of shares and pivots: what is less counts as 0
constexpr std::size_t pivots_afresh = 128;  // before reduced costs are computed anew, for rounding adds up

// values += factor × column
QABWNAS_CLONES void add(double* values, const double* column, double factor, std::size_t n) {
    for (std::size_t i = 0; i < n; ++i) values[i] += factor * column[i];
}

}  // namespace

LinearRelaxation::LinearRelaxation(std::vector<std::size_t> offsets, std::vector<double> objectives,
                                   std::vector<std::vector<double>> costs)
    : n_budgets_(costs.size()),
      offsets_(std::move(offsets)),
      objectives_(std::move(objectives)),
      costs_(std::move(costs)),
      allowed_(objectives_.size(), 1),
      is_basic_(objectives_.size()),
      inverse_(n_budgets_ * n_budgets_),
      work_(2 * n_budgets_ * n_budgets_),
      key_shares_(offsets_.size() - 1),
      shares_(n_budgets_),
      reduced_(objectives_.size()),
      spare_(n_budgets_),
      weights_(n_budgets_),
      row_(objectives_.size()),
      prices_(objectives_.size()),
      cheapest_(offsets_.size() - 1),
      // Sums of at least as many terms as there are err by half a unit in the last place (2^-53) each, at most; terms
      // are nowhere negative, so relative to the sum. This is several times that.
      rounding_(static_cast<double>(offsets_.size() + 4 * n_budgets_ + 16) * 0x1p-50) {
    for (std::size_t b = 0; b < n_blocks(); ++b) block_of_.insert(block_of_.end(), offsets_[b + 1] - offsets_[b], b);
    start_anew();
}

void LinearRelaxation::start_anew() {
    Basis basis;
    for (std::size_t b = 0; b < n_blocks(); ++b) {
        std::size_t least = offsets_[b + 1];
        for (std::size_t row = offsets_[b]; row < offsets_[b + 1]; ++row)
            if (allowed_[row] != 0 && (least == offsets_[b + 1] || objectives_[row] < objectives_[least])) least = row;
        basis.keys.push_back(static_cast<std::int32_t>(least));
    }
    for (std::size_t j = 0; j < n_budgets_; ++j) basis.others.push_back(-1 - static_cast<std::int32_t>(j));
    start_from(basis);
}

void LinearRelaxation::start_from(const Basis& basis) {
    basis_ = basis;
    std::fill(is_basic_.begin(), is_basic_.end(), std::uint8_t{0});
    for (const std::int32_t row : basis_.keys) is_basic_[static_cast<std::size_t>(row)] = 1;
    for (const std::int32_t other : basis_.others)
        if (other >= 0) is_basic_[static_cast<std::size_t>(other)] = 1;
}

// Inverts the matrix of the others' columns, each row's less its block's key row's, by Gauss and Jordan. Returns
// whether it has an inverse.
bool LinearRelaxation::invert() {
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

void LinearRelaxation::find_shares() {
    std::vector<double>& left = weights_;  // of every budget, beside the keys
    std::fill(left.begin(), left.end(), 1.0);
    for (const std::int32_t key : basis_.keys)
        for (std::size_t j = 0; j < n_budgets_; ++j) left[j] -= costs_[j][static_cast<std::size_t>(key)];
    std::fill(key_shares_.begin(), key_shares_.end(), 1.0);
    for (std::size_t at = 0; at < n_budgets_; ++at) {
        double share = 0;
        for (std::size_t j = 0; j < n_budgets_; ++j) share += inverse_[at * n_budgets_ + j] * left[j];
        shares_[at] = share;
        if (basis_.others[at] >= 0) key_shares_[block_of_[static_cast<std::size_t>(basis_.others[at])]] -= share;
    }
}

void LinearRelaxation::find_reduced_costs() {
    std::fill(spare_.begin(), spare_.end(), 0.0);
    for (std::size_t at = 0; at < n_budgets_; ++at) {
        if (basis_.others[at] < 0) continue;
        const auto row = static_cast<std::size_t>(basis_.others[at]);
        const double gain = objectives_[row] - objectives_[static_cast<std::size_t>(basis_.keys[block_of_[row]])];
        for (std::size_t j = 0; j < n_budgets_; ++j) spare_[j] -= gain * inverse_[at * n_budgets_ + j];
    }
    reduced_ = objectives_;
    objective_ = 0;
    for (std::size_t j = 0; j < n_budgets_; ++j) {
        add(reduced_.data(), costs_[j].data(), spare_[j], n_rows());
        objective_ -= spare_[j];
    }
    for (std::size_t b = 0; b < n_blocks(); ++b) {
        const double key = reduced_[static_cast<std::size_t>(basis_.keys[b])];
        objective_ += key;
        for (std::size_t row = offsets_[b]; row < offsets_[b + 1]; ++row) reduced_[row] -= key;
    }
}

// The variable that is farthest outside its bounds; false if none is.
bool LinearRelaxation::find_leaving(Leaving& leaving) const {
    leaving.amount = small;
    const auto look = [&](bool is_key, std::size_t at, double share, bool is_forbidden) {
        if (-share > leaving.amount) leaving = {is_key, at, false, -share};
        if (is_forbidden && share > leaving.amount) leaving = {is_key, at, true, share};
    };
    for (std::size_t at = 0; at < n_budgets_; ++at) {
        const std::int32_t other = basis_.others[at];
        look(false, at, shares_[at], other >= 0 && allowed_[static_cast<std::size_t>(other)] == 0);
    }
    for (std::size_t b = 0; b < n_blocks(); ++b)
        look(true, b, key_shares_[b], allowed_[static_cast<std::size_t>(basis_.keys[b])] == 0);
    return leaving.amount > small;
}

// The leaving variable's row of the tableau: how much of it each variable that enters takes away.
void LinearRelaxation::make_row(const Leaving& leaving) {
    if (leaving.is_key) {
        std::fill(weights_.begin(), weights_.end(), 0.0);
        for (std::size_t at = 0; at < n_budgets_; ++at) {
            const std::int32_t other = basis_.others[at];
            if (other < 0 || block_of_[static_cast<std::size_t>(other)] != leaving.at) continue;
            for (std::size_t j = 0; j < n_budgets_; ++j) weights_[j] -= inverse_[at * n_budgets_ + j];
        }
    } else {
        std::copy_n(&inverse_[leaving.at * n_budgets_], n_budgets_, weights_.begin());
    }
    std::fill(row_.begin(), row_.end(), 0.0);
    for (std::size_t j = 0; j < n_budgets_; ++j)
        if (weights_[j] != 0) add(row_.data(), costs_[j].data(), weights_[j], n_rows());
    for (std::size_t b = 0; b < n_blocks(); ++b) {
        const double own = leaving.is_key && b == leaving.at ? 1.0 : 0.0;
        const double base = own - row_[static_cast<std::size_t>(basis_.keys[b])];
        for (std::size_t row = offsets_[b]; row < offsets_[b + 1]; ++row) row_[row] += base;
    }
}

// Brings in the variable whose reduced cost vanishes first; of several, that with the largest pivot. False if none can.
bool LinearRelaxation::pivot(const Leaving& leaving) {
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
        const double pivot = sign * row_[row];
        if (pivot > small && allowed_[row] != 0 && is_basic_[row] == 0)
            look(static_cast<std::int32_t>(row), reduced_[row], pivot);
    }
    for (std::size_t j = 0; j < n_budgets_; ++j) {
        const std::int32_t left = -1 - static_cast<std::int32_t>(j);
        if (sign * weights_[j] > small &&
            std::find(basis_.others.begin(), basis_.others.end(), left) == basis_.others.end())
            look(left, spare_[j], sign * weights_[j]);
    }
    if (entering == nothing) return false;
    add(reduced_.data(), row_.data(), -sign * ratio, n_rows());
    for (std::size_t j = 0; j < n_budgets_; ++j) spare_[j] -= sign * ratio * weights_[j];
    objective_ += ratio * leaving.amount;
    exchange(leaving, entering);
    return true;
}

void LinearRelaxation::exchange(const Leaving& leaving, std::int32_t entering) {
    std::size_t at = leaving.at;
    std::int32_t left = leaving.is_key ? basis_.keys[leaving.at] : basis_.others[leaving.at];
    if (leaving.is_key) {
        // Another basic row of the block becomes its key; without one, only a row of the block can have been chosen.
        bool has_other = false;
        for (std::size_t i = 0; i < n_budgets_; ++i) {
            const std::int32_t other = basis_.others[i];
            if (other < 0 || block_of_[static_cast<std::size_t>(other)] != leaving.at) continue;
            if (has_other && shares_[i] <= shares_[at]) continue;
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

LinearRelaxation::Outcome LinearRelaxation::solve(double cutoff, Cancel& cancel) {
    const auto steps = static_cast<std::uint32_t>(1 + n_rows() * n_budgets_ / 64);  // of a pivot, for Cancel
    if (!invert()) {
        start_anew();
        invert();
    }
    find_reduced_costs();
    const std::size_t most_pivots = 200 + 50 * (n_blocks() + n_budgets_);  // far more than it takes, but for a cycle
    for (std::size_t n_pivots = 1; n_pivots <= most_pivots && !cancel.requested(steps); ++n_pivots) {
        if (n_pivots % pivots_afresh == 0) find_reduced_costs();
        if (objective_ > cutoff) {
            price_at_optimum();
            if (bound() > cutoff) return Outcome::above;
        }
        find_shares();
        Leaving leaving{};
        if (!find_leaving(leaving)) break;
        make_row(leaving);
        if (!pivot(leaving)) {
            if (is_surely_infeasible(leaving)) return Outcome::infeasible;
            break;
        }
        if (!invert()) {
            start_anew();
            invert();
            find_reduced_costs();
        }
    }
    price_at_optimum();
    return bound() > cutoff ? Outcome::above : Outcome::solved;
}

double LinearRelaxation::share(std::size_t row) const {
    const std::size_t block = block_of_[row];
    if (basis_.keys[block] == static_cast<std::int32_t>(row)) return key_shares_[block];
    if (is_basic_[row] != 0)
        for (std::size_t at = 0; at < n_budgets_; ++at)
            if (basis_.others[at] == static_cast<std::int32_t>(row)) return shares_[at];
    return 0;
}

// Prices every row; returns the sum of the blocks' cheapest.
double LinearRelaxation::price(const std::vector<double>& multipliers, bool with_objective) {
    if (with_objective)
        prices_ = objectives_;
    else
        std::fill(prices_.begin(), prices_.end(), 0.0);
    for (std::size_t j = 0; j < n_budgets_; ++j)
        if (multipliers[j] > 0) add(prices_.data(), costs_[j].data(), multipliers[j], n_rows());
    double sum = 0;
    for (std::size_t b = 0; b < n_blocks(); ++b) {
        double cheapest = infinity;
        for (std::size_t row = offsets_[b]; row < offsets_[b + 1]; ++row)
            if (allowed_[row] != 0) cheapest = std::min(cheapest, prices_[row]);
        cheapest_[b] = cheapest;
        sum += cheapest;
    }
    return sum;
}

void LinearRelaxation::price_at_optimum() {
    multiplier_sum_ = 0;
    for (std::size_t j = 0; j < n_budgets_; ++j) {
        weights_[j] = std::max(spare_[j], 0.0);
        multiplier_sum_ += weights_[j];
    }
    priced_ = price(weights_, true);
}

// The row in which no variable can enter weighs the budgets so that even the cheapest rows overdraw them together.
bool LinearRelaxation::is_surely_infeasible(const Leaving& leaving) {
    multiplier_sum_ = 0;
    for (double& weight : weights_) {
        weight = std::max(leaving.is_above ? -weight : weight, 0.0);
        multiplier_sum_ += weight;
    }
    priced_ = price(weights_, false);
    return bound() > 0;
}

}  // namespace qabwnas

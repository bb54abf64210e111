#include "solve/lagrangian.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "core/dispatch.hpp"

namespace qabwnas {

namespace {

QABWNAS_CLONES void set_costs(double* costs, const Value* column, std::size_t n) {
    for (std::size_t i = 0; i < n; ++i) costs[i] = static_cast<double>(column[i]);
}

QABWNAS_CLONES void add_costs(double* costs, const Value* column, double multiplier, std::size_t n) {
    for (std::size_t i = 0; i < n; ++i) costs[i] += multiplier * static_cast<double>(column[i]);
}

QABWNAS_CLONES void forbid_above(double* costs, const Value* column, Value budget, std::size_t n) {
    constexpr double never = std::numeric_limits<double>::infinity();
    for (std::size_t i = 0; i < n; ++i) costs[i] = column[i] > budget ? never : costs[i];
}

// The largest absolute value, or slightly more. On integers, whose maxima a compiler may compute in any order.
QABWNAS_CLONES double largest_magnitude(const Value* column, std::size_t n) {
    Value low = 0, high = 0;
    for (std::size_t i = 0; i < n; ++i) {
        low = std::min(low, column[i]);
        high = std::max(high, column[i]);
    }
    return std::max(static_cast<double>(high), -static_cast<double>(low));
}

constexpr std::size_t run_length = 16;

// The least cost of each run; the last run may be shorter. In lanes, for the same reason.
QABWNAS_CLONES void least_in_runs(const double* costs, std::size_t n, double* least) {
    constexpr std::size_t n_lanes = 4;
    for (std::size_t first = 0; first + run_length <= n; first += run_length, ++least) {
        std::array<double, n_lanes> lanes;
        for (std::size_t i = 0; i < n_lanes; ++i) lanes[i] = costs[first + i];
        for (std::size_t at = n_lanes; at < run_length; at += n_lanes)
            for (std::size_t i = 0; i < n_lanes; ++i) lanes[i] = std::min(lanes[i], costs[first + at + i]);
        *least = std::min(std::min(lanes[0], lanes[1]), std::min(lanes[2], lanes[3]));
    }
    if (n % run_length > 0) *least = *std::min_element(costs + n / run_length * run_length, costs + n);
}

// The n-th least value, counted from 0; infinite if there are not so many.
double nth_least(std::vector<double>& values, std::size_t n) {
    if (n >= values.size()) return std::numeric_limits<double>::infinity();
    const auto nth = values.begin() + static_cast<std::ptrdiff_t>(n);
    std::nth_element(values.begin(), nth, values.end());
    return *nth;
}

}  // namespace

Lagrangian::Lagrangian(const Problem& problem, const std::vector<Value>& budgets,
                       const std::vector<double>& multipliers)
    // The error of a sum is at most half a unit in the last place (2^-53) of the terms' magnitude per term. This is
    // several times that, for the sums here and those of rows_within.
    : rounding_(static_cast<double>(problem.n_blocks() + 4 * problem.n_metrics() + 16) * 0x1p-50) {
    bound_ = static_cast<double>(problem.origin[0]);
    magnitude_ = std::abs(bound_);
    for (const Columns& block : problem.blocks) {
        std::vector<double>& costs = costs_.emplace_back(block.n_rows);
        set_costs(costs.data(), block.column(0), block.n_rows);
        magnitude_ += largest_magnitude(block.column(0), block.n_rows);
        for (std::size_t m = 1; m < problem.n_metrics(); ++m) {
            if (multipliers[m] <= 0) continue;
            add_costs(costs.data(), block.column(m), multipliers[m], block.n_rows);
            magnitude_ += multipliers[m] * largest_magnitude(block.column(m), block.n_rows);
        }
        for (std::size_t m = 1; m < problem.n_metrics(); ++m)
            if (problem.aggregations[m] == Aggregation::max && budgets[m] != unlimited)
                forbid_above(costs.data(), block.column(m), budgets[m], block.n_rows);
        std::vector<double>& runs = least_in_runs_.emplace_back((block.n_rows + run_length - 1) / run_length);
        least_in_runs(costs.data(), block.n_rows, runs.data());
        least_.push_back(*std::min_element(runs.begin(), runs.end()));
        bound_ += least_.back();
    }
    for (std::size_t m = 1; m < problem.n_metrics(); ++m) {
        if (multipliers[m] <= 0) continue;
        const double capacity = multipliers[m] * static_cast<double>(budgets[m] - problem.origin[m]);
        bound_ -= capacity;
        magnitude_ += std::abs(capacity);
    }
}

std::vector<Index> Lagrangian::least_cost_rows(std::size_t block, std::size_t n) const {
    const std::vector<double>&costs = costs_[block], &least = least_in_runs_[block];
    n = std::min(n, least.size());
    std::vector<Index> rows;
    for (std::size_t range = 0; range < n; ++range) {
        const auto at = [&](std::size_t i) {
            return least.begin() + static_cast<std::ptrdiff_t>(i * least.size() / n);
        };
        const auto run = std::min_element(at(range), at(range + 1));
        const auto first = costs.begin() + (run - least.begin()) * static_cast<std::ptrdiff_t>(run_length);
        rows.push_back(static_cast<Index>(std::find(first, costs.end(), *run) - costs.begin()));
    }
    return rows;
}

double Lagrangian::gap_of(Value upper) const {
    const double objective = static_cast<double>(upper);
    return objective - bound_ + (2 * magnitude_ + std::abs(objective)) * rounding_;
}

Value Lagrangian::objective_within(double gap) const {
    if (std::isinf(gap)) return unlimited;
    const double objective = bound_ + gap;
    const double rounded = std::floor(objective - 2 * (2 * magnitude_ + std::abs(objective)) * rounding_);
    if (rounded >= static_cast<double>(largest_total)) return unlimited;
    return rounded <= -static_cast<double>(largest_total) ? -largest_total : static_cast<Value>(rounded);
}

double Lagrangian::gap_of_rows(std::size_t n) const {
    // Let g be the n-th least gap of the runs' least costs. At least n rows are within g, and few more.
    std::vector<double> gaps;
    for (std::size_t b = 0; b < least_.size(); ++b)
        for (const double least : least_in_runs_[b]) gaps.push_back(least - least_[b]);
    const double run_gap = nth_least(gaps, n);
    gaps.clear();
    for (std::size_t b = 0; b < least_.size(); ++b)
        for (const Index row : rows_within(b, run_gap))
            gaps.push_back(costs_[b][static_cast<std::size_t>(row)] - least_[b]);
    return nth_least(gaps, n);
}

std::vector<Index> Lagrangian::rows_within(std::size_t block, double gap) const {
    const std::vector<double>& costs = costs_[block];
    const double limit = least_[block] + gap;
    std::vector<Index> rows;
    for (std::size_t run = 0; run < least_in_runs_[block].size(); ++run) {
        if (least_in_runs_[block][run] > limit) continue;
        const std::size_t first = run * run_length, last = std::min(first + run_length, costs.size());
        for (std::size_t row = first; row < last; ++row)
            if (costs[row] <= limit) rows.push_back(static_cast<Index>(row));
    }
    return rows;
}

}  // namespace qabwnas

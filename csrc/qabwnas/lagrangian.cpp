#include "qabwnas/lagrangian.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "qabwnas/dispatch.hpp"

namespace qabwnas {

namespace {

QABWNAS_CLONES void add_prices(double* prices, const Value* column, double unit_price, std::size_t n) {
    for (std::size_t i = 0; i < n; ++i) prices[i] += unit_price * static_cast<double>(column[i]);
}

// The largest size of a value, or a little more. Integers, whose maxima a compiler may take in any order.
QABWNAS_CLONES double largest_size(const Value* column, std::size_t n) {
    Value low = 0, high = 0;
    for (std::size_t i = 0; i < n; ++i) {
        low = std::min(low, column[i]);
        high = std::max(high, column[i]);
    }
    return std::max(static_cast<double>(high), -static_cast<double>(low));
}

// In lanes, for the same reason.
QABWNAS_CLONES double least(const double* prices, std::size_t n) {
    constexpr std::size_t n_lanes = 16;
    std::array<double, n_lanes> lanes;
    lanes.fill(prices[0]);
    std::size_t first = 0;
    for (; first + n_lanes <= n; first += n_lanes)
        for (std::size_t i = 0; i < n_lanes; ++i) lanes[i] = std::min(lanes[i], prices[first + i]);
    for (; first < n; ++first) lanes[0] = std::min(lanes[0], prices[first]);
    return *std::min_element(lanes.begin(), lanes.end());
}

}  // namespace

Lagrangian::Lagrangian(const Problem& problem, const std::vector<Value>& budgets,
                       const std::vector<double>& unit_prices)
    // A sum errs by at most its number of terms times half a unit in the last place of their magnitude (2^-53 of it);
    // this is several times that, for the sums here and those of rows_within.
    : rounding_(static_cast<double>(problem.n_blocks() + 4 * problem.n_metrics() + 16) * 0x1p-50) {
    bound_ = static_cast<double>(problem.origin[0]);
    magnitude_ = std::abs(bound_);
    for (const Columns& block : problem.blocks) {
        std::vector<double>& prices = prices_.emplace_back(block.n_rows);
        const auto add = [&](std::size_t m, double unit_price) {
            add_prices(prices.data(), block.column(m), unit_price, block.n_rows);
            magnitude_ += unit_price * largest_size(block.column(m), block.n_rows);
        };
        add(0, 1);
        for (std::size_t m = 1; m < problem.n_metrics(); ++m)
            if (unit_prices[m] > 0) add(m, unit_prices[m]);
        cheapest_.push_back(least(prices.data(), block.n_rows));
        bound_ += cheapest_.back();
    }
    for (std::size_t m = 1; m < problem.n_metrics(); ++m) {
        if (unit_prices[m] <= 0) continue;
        const double room = unit_prices[m] * static_cast<double>(budgets[m] - problem.origin[m]);
        bound_ -= room;
        magnitude_ += std::abs(room);
    }
}

std::vector<Index> Lagrangian::cheap_rows(std::size_t block, std::size_t n) const {
    const std::vector<double>& prices = prices_[block];
    n = std::min(n, prices.size());
    std::vector<Index> rows;
    for (std::size_t run = 0; run < n; ++run) {
        const auto at = [&](std::size_t i) {
            return prices.begin() + static_cast<std::ptrdiff_t>(i * prices.size() / n);
        };
        rows.push_back(static_cast<Index>(std::min_element(at(run), at(run + 1)) - prices.begin()));
    }
    return rows;
}

std::vector<Index> Lagrangian::rows_within(std::size_t block, Value upper) const {
    const std::vector<double>& prices = prices_[block];
    const double limit = static_cast<double>(upper) - (bound_ - cheapest_[block]) +
                         (2 * magnitude_ + std::abs(static_cast<double>(upper))) * rounding_;
    std::vector<Index> rows(prices.size());
    std::size_t n = 0;
    for (std::size_t row = 0; row < prices.size(); ++row) {
        rows[n] = static_cast<Index>(row);
        n += prices[row] <= limit ? 1 : 0;
    }
    rows.resize(n);
    return rows;
}

}  // namespace qabwnas

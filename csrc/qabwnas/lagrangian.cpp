#include "qabwnas/lagrangian.hpp"

#include <limits>

namespace qabwnas {

namespace {

constexpr Value unlimited = std::numeric_limits<Value>::max();
constexpr double infinity = std::numeric_limits<double>::infinity();

}  // namespace

// Objectives as shares of their range over all blocks, and costs above each block's least as shares of the slack.
struct Lagrangian::Shares {
    std::vector<std::size_t> offsets{0};  // of each block's rows
    std::vector<double> objectives;
    std::vector<std::vector<double>> costs;  // by budget
    double range = 0;
};

Lagrangian::Lagrangian(const std::vector<PrunedBlock>& blocks, const std::vector<Aggregation>& aggregations,
                       const std::vector<Value>& origin, const std::vector<Value>& budgets) {
    const std::size_t d = aggregations.size();
    const auto column = [&](const PrunedBlock& block, std::size_t m) {
        std::vector<double> values;
        for (std::size_t i = 0; i < block.rows.size(); ++i)
            values.push_back(static_cast<double>(block.values[i * d + m]));
        return values;
    };
    Shares shares;
    std::vector<double> slacks, rooms;
    for (std::size_t m = 1; m < d; ++m) {
        if (aggregations[m] != Aggregation::sum || budgets[m] == unlimited) continue;
        metrics_.push_back(m);
        std::vector<double>& costs = shares.costs.emplace_back();
        rooms.push_back(static_cast<double>(budgets[m] - origin[m]));
        double slack = rooms.back();
        for (const PrunedBlock& block : blocks) {
            const std::vector<double> values = column(block, m);
            const double least = *std::min_element(values.begin(), values.end());
            slack -= least;
            for (const double value : values) costs.push_back(value - least);
        }
        slacks.push_back(std::max(slack, 1.0));
        for (double& cost : costs) cost /= slacks.back();
    }
    for (const PrunedBlock& block : blocks) {
        const std::vector<double> values = column(block, 0);
        shares.objectives.insert(shares.objectives.end(), values.begin(), values.end());
        shares.offsets.push_back(shares.objectives.size());
        const auto [least, most] = std::minmax_element(values.begin(), values.end());
        shares.range += *most - *least;
    }
    if (shares.range > 0)
        for (double& value : shares.objectives) value /= shares.range;
    find_multipliers(shares);

    for (std::size_t j = 0; j < metrics_.size(); ++j) prices_.push_back(multipliers_[j] * shares.range / slacks[j]);
    bound_ = static_cast<double>(origin[0]);
    double magnitude = std::abs(bound_);
    for (const PrunedBlock& block : blocks) {
        double cheapest = infinity, largest = 0;
        for (std::size_t i = 0; i < block.rows.size(); ++i) {
            double price = static_cast<double>(block.values[i * d]), size = std::abs(price);
            for (std::size_t j = 0; j < metrics_.size(); ++j) {
                const double cost = prices_[j] * static_cast<double>(block.values[i * d + metrics_[j]]);
                price += cost;
                size += std::abs(cost);
            }
            cheapest = std::min(cheapest, price);
            largest = std::max(largest, size);
        }
        cheapest_.push_back(cheapest);
        bound_ += cheapest;
        magnitude += largest;
    }
    for (std::size_t j = 0; j < metrics_.size(); ++j) {
        bound_ -= prices_[j] * rooms[j];
        magnitude += std::abs(prices_[j] * rooms[j]);
    }
    // A sum errs by at most its number of terms times half a unit in the last place of their magnitude (2^-53 of it);
    // this is several times that, for those above and those of is_above.
    rounding_ = static_cast<double>(blocks.size() + 4 * d + 16) * 0x1p-50;
    bound_ -= magnitude * rounding_;
}

// The Lagrangian in shares, and by how much each budget is overdrawn where it is attained.
double Lagrangian::evaluate(const Shares& shares, const std::vector<double>& multipliers,
                            std::vector<double>& use) const {
    std::fill(use.begin(), use.end(), -1.0);
    double bound = 0;
    for (std::size_t b = 0; b + 1 < shares.offsets.size(); ++b) {
        double least = infinity;
        std::size_t chosen = shares.offsets[b];
        for (std::size_t i = shares.offsets[b]; i < shares.offsets[b + 1]; ++i) {
            double price = shares.objectives[i];
            for (std::size_t j = 0; j < multipliers.size(); ++j) price += multipliers[j] * shares.costs[j][i];
            if (price < least) {
                least = price;
                chosen = i;
            }
        }
        bound += least;
        for (std::size_t j = 0; j < multipliers.size(); ++j) use[j] += shares.costs[j][chosen];
    }
    for (const double multiplier : multipliers) bound -= multiplier;
    return bound;
}

void Lagrangian::find_multipliers(const Shares& shares) {
    const std::size_t n = metrics_.size();
    std::vector<double> trial(n, 1.0 / static_cast<double>(std::max<std::size_t>(n, 1))), use(n);
    multipliers_ = trial;
    if (n == 0 || shares.range == 0) return;
    if (n == 1) {  // the bound is concave, and overdrawn below its maximum
        double low = 0, high = 1;
        for (trial[0] = high; high < 0x1p40; trial[0] = high *= 2) {
            evaluate(shares, trial, use);
            if (use[0] <= 0) break;
            low = high;
        }
        for (int halving = 0; halving < 30; ++halving) {
            trial[0] = (low + high) / 2;
            evaluate(shares, trial, use);
            (use[0] > 0 ? low : high) = trial[0];
        }
        multipliers_[0] = high;
        return;
    }
    constexpr int n_iterations = 120;
    double best = -infinity;
    for (int iteration = 0; iteration < n_iterations; ++iteration) {
        const double bound = evaluate(shares, trial, use);
        if (bound > best) {
            best = bound;
            multipliers_ = trial;
        }
        double norm = 0;
        for (const double u : use) norm += u * u;
        if (norm == 0) return;
        const double step = 0.5 / (std::sqrt(norm) * std::sqrt(1.0 + iteration));
        for (std::size_t j = 0; j < n; ++j) trial[j] = std::max(0.0, trial[j] + step * use[j]);
    }
}

}  // namespace qabwnas

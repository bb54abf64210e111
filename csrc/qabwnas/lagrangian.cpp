#include "qabwnas/lagrangian.hpp"

#include <limits>

#include "qabwnas/linear_relaxation.hpp"

namespace qabwnas {

namespace {

constexpr Value unlimited = std::numeric_limits<Value>::max();
constexpr double infinity = std::numeric_limits<double>::infinity();

}  // namespace

Lagrangian::Lagrangian(const std::vector<PrunedBlock>& blocks, const std::vector<Aggregation>& aggregations,
                       const std::vector<Value>& origin, const std::vector<Value>& budgets, Cancel& cancel) {
    const std::size_t d = aggregations.size();
    const auto column = [&](const PrunedBlock& block, std::size_t m) {
        std::vector<double> values;
        for (std::size_t i = 0; i < block.rows.size(); ++i)
            values.push_back(static_cast<double>(block.values[i * d + m]));
        return values;
    };
    std::vector<std::vector<double>> shares;  // of each budget's slack, by row
    std::vector<double> slacks, rooms;
    for (std::size_t m = 1; m < d; ++m) {
        if (aggregations[m] != Aggregation::sum || budgets[m] == unlimited) continue;
        metrics_.push_back(m);
        std::vector<double>& costs = shares.emplace_back();
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
    std::vector<std::size_t> offsets{0};
    std::vector<double> objectives;
    double range = 0;
    for (const PrunedBlock& block : blocks) {
        const std::vector<double> values = column(block, 0);
        const auto [least, most] = std::minmax_element(values.begin(), values.end());
        for (const double value : values) objectives.push_back(value - *least);
        offsets.push_back(objectives.size());
        range += *most - *least;
    }
    range = std::max(range, 1.0);
    for (double& value : objectives) value /= range;
    LinearRelaxation relaxation(std::move(offsets), std::move(objectives), std::move(shares));
    relaxation.solve(infinity, cancel);

    for (std::size_t j = 0; j < metrics_.size(); ++j) prices_.push_back(relaxation.multiplier(j) * range / slacks[j]);
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

}  // namespace qabwnas

#include "solve/dp_bounds.hpp"

#include <limits>
#include <numeric>

#include "front/merge_two_metrics.hpp"

namespace qabwnas {

namespace {

using CostTable = std::vector<std::vector<Value>>;  // [block][row]

constexpr Value scale = Value{1} << 32;  // of a whole slack; small enough for sums over thousands of weighted rows

CostTable column(const std::vector<PrunedBlock>& blocks, std::size_t n_metrics, std::size_t metric) {
    CostTable values(blocks.size());
    for (std::size_t b = 0; b < blocks.size(); ++b)
        for (std::size_t i = 0; i < blocks[b].rows.size(); ++i)
            values[b].push_back(blocks[b].values[i * n_metrics + metric]);
    return values;
}

Value smallest(const std::vector<Value>& values) { return *std::min_element(values.begin(), values.end()); }

// Sorts points by objective and keeps those whose cost is below all before them.
ParetoStates pareto_states(std::vector<std::pair<Value, Value>> points) {
    std::sort(points.begin(), points.end());
    ParetoStates states;
    for (const auto& [objective, cost] : points) {
        if (!states.costs.empty() && cost >= states.costs.back()) continue;
        states.objectives.push_back(objective);
        states.costs.push_back(cost);
    }
    return states;
}

// Replaces groups of neighbouring states by their lower corners: no bound rises.
void coarsen(ParetoStates& states, std::size_t most_states) {
    const std::size_t n = states.costs.size();
    if (n <= most_states) return;
    const std::size_t group = (n + most_states - 1) / most_states;
    std::size_t kept = 0;
    for (std::size_t first = 0; first < n; first += group, ++kept) {
        states.objectives[kept] = states.objectives[first];
        states.costs[kept] = states.costs[std::min(first + group, n) - 1];
    }
    states.objectives.resize(kept);
    states.costs.resize(kept);
}

std::vector<Value> points_of(const ParetoStates& states) {
    std::vector<Value> points;
    for (std::size_t i = 0; i < states.costs.size(); ++i) {
        points.push_back(states.objectives[i]);
        points.push_back(states.costs[i]);
    }
    return points;
}

// The Pareto states of all sums of two states whose cost is within the capacity.
ParetoStates sums(const ParetoStates& a, const ParetoStates& b, Value capacity, TwoMetricMerge& merge, Cancel& cancel) {
    if (a.costs.empty() || b.costs.empty()) return {};
    const std::vector<Value> points_a = points_of(a), points_b = points_of(b);
    constexpr std::size_t any = std::numeric_limits<std::size_t>::max();
    const MergeLimits limits{{largest_total, capacity}, 0, 1, any, any};
    // Pairs that tie in both make the same state, whichever is kept.
    const auto either = [](Pair, Pair) { return false; };
    std::pmr::vector<Value> totals;
    std::pmr::vector<Pair> pairs;
    merge.run({points_a, a.costs.size()}, {points_b, b.costs.size()}, limits, either, cancel, totals, pairs);
    ParetoStates states;
    for (std::size_t i = 0; i < totals.size(); i += 2) {
        states.objectives.push_back(totals[i]);
        states.costs.push_back(totals[i + 1]);
    }
    return states;
}

// The same if the objective is a maximum. There are few rows: the states of each row are merged into the result.
ParetoStates maxima(const ParetoStates& states, const ParetoStates& rows, Cancel& cancel) {
    ParetoStates result;
    ParetoStates merged;
    for (std::size_t row = 0; row < rows.costs.size() && !cancel.requested(); ++row) {
        merged.objectives.clear();
        merged.costs.clear();
        const auto append = [&](Value o, Value c) {
            if (!merged.costs.empty() && c >= merged.costs.back()) return;
            if (!merged.costs.empty() && o == merged.objectives.back())
                merged.costs.back() = c;
            else {
                merged.objectives.push_back(o);
                merged.costs.push_back(c);
            }
        };
        std::size_t at = 0;
        for (std::size_t i = 0; i < states.costs.size(); ++i) {
            const Value o = std::max(states.objectives[i], rows.objectives[row]);
            for (; at < result.costs.size() && result.objectives[at] <= o; ++at)
                append(result.objectives[at], result.costs[at]);
            append(o, states.costs[i] + rows.costs[row]);
        }
        for (; at < result.costs.size(); ++at) append(result.objectives[at], result.costs[at]);
        std::swap(result, merged);
    }
    return result;
}

// Costs above each block's smallest, in units of slack / scale, rounded down. A row that takes more than the slack is
// in no feasible subnet. It gets a cost just above the whole slack, so that products and sums stay small.
CostTable scaled_to_slack(const CostTable& costs, Value slack) {
    CostTable scaled = costs;
    for (auto& block : scaled) {
        const Value least = smallest(block);
        for (Value& cost : block) {
            const Value above = cost - least;
            if (slack <= 0)
                cost = 0;
            else if (above > slack)
                cost = scale + 1;
            else
                cost = static_cast<Value>(static_cast<__int128>(above) * scale / slack);
        }
    }
    return scaled;
}

}  // namespace

const Value* ParetoStates::objective_within(Value capacity) const {
    const auto first = std::partition_point(costs.begin(), costs.end(), [&](Value cost) { return cost > capacity; });
    return first == costs.end() ? nullptr : &objectives[static_cast<std::size_t>(first - costs.begin())];
}

DpBound::DpBound(CostTable costs, Value budget, const CostTable& objectives, Aggregation objective, Cancel& cancel,
                 const Tuning& tuning)
    : costs_(std::move(costs)), budget_(budget), states_(costs_.size() + 1) {
    const std::size_t n_blocks = costs_.size();
    Value least = 0;  // of the blocks before
    for (const auto& block : costs_) least += smallest(block);
    const Value nothing = objective == Aggregation::sum ? 0 : std::numeric_limits<Value>::min();
    states_[n_blocks] = {{nothing}, {0}};
    TwoMetricMerge merge(tuning);
    for (std::size_t depth = n_blocks; depth-- > 1;) {
        least -= smallest(costs_[depth]);
        std::vector<std::pair<Value, Value>> points;
        for (std::size_t i = 0; i < costs_[depth].size(); ++i)
            points.emplace_back(objectives[depth][i], costs_[depth][i]);
        const ParetoStates rows = pareto_states(std::move(points));
        states_[depth] = objective == Aggregation::sum ? sums(states_[depth + 1], rows, budget - least, merge, cancel)
                                                       : maxima(states_[depth + 1], rows, cancel);
        if (states_[depth].costs.size() > tuning.most_dp_states) tuning.count(&PathCounts::coarsened_states);
        coarsen(states_[depth], tuning.most_dp_states);
    }
}

std::vector<DpBound> dp_bounds(const std::vector<PrunedBlock>& blocks, const std::vector<Aggregation>& aggregations,
                               const std::vector<Value>& origin, const std::vector<Value>& budgets, Cancel& cancel,
                               const Tuning& tuning) {
    const std::size_t n_metrics = aggregations.size();
    const CostTable objectives = column(blocks, n_metrics, 0);
    std::vector<DpBound> bounds;
    std::vector<CostTable> scaled;
    for (std::size_t m = 1; m < n_metrics; ++m) {
        if (aggregations[m] != Aggregation::sum || budgets[m] == unlimited) continue;
        CostTable costs = column(blocks, n_metrics, m);
        Value slack = budgets[m] - origin[m];
        for (const auto& block : costs) slack -= smallest(block);
        scaled.push_back(scaled_to_slack(costs, slack));
        bounds.emplace_back(std::move(costs), budgets[m] - origin[m], objectives, aggregations[0], cancel, tuning);
    }
    if (bounds.empty()) {
        CostTable none = objectives;
        for (auto& block : none) std::fill(block.begin(), block.end(), Value{0});
        bounds.emplace_back(std::move(none), 0, objectives, aggregations[0], cancel, tuning);
    }
    if (scaled.size() > 1) {
        CostTable joined = scaled[0];
        for (std::size_t j = 1; j < scaled.size(); ++j)
            for (std::size_t b = 0; b < joined.size(); ++b)
                for (std::size_t i = 0; i < joined[b].size(); ++i) joined[b][i] += scaled[j][b][i];
        const Value budget = scale * static_cast<Value>(scaled.size());
        bounds.emplace_back(std::move(joined), budget, objectives, aggregations[0], cancel, tuning);
    }
    return bounds;
}

}  // namespace qabwnas

#include "solve/dp_bounds.hpp"

#include <limits>
#include <numeric>

#include "front/merge_two_metrics.hpp"

namespace qabwnas {

namespace {

using Columns2 = std::vector<std::vector<Value>>;  // [block][row]

constexpr Value scale = Value{1} << 32;  // of a whole slack; small enough for sums over thousands of weighted rows

Columns2 column(const std::vector<PrunedBlock>& blocks, std::size_t n_metrics, std::size_t metric) {
    Columns2 values(blocks.size());
    for (std::size_t b = 0; b < blocks.size(); ++b)
        for (std::size_t i = 0; i < blocks[b].rows.size(); ++i)
            values[b].push_back(blocks[b].values[i * n_metrics + metric]);
    return values;
}

Value smallest(const std::vector<Value>& values) { return *std::min_element(values.begin(), values.end()); }

// Sorts points by objective and keeps those whose cost is below all before them.
Staircase staircase(std::vector<std::pair<Value, Value>> points) {
    std::sort(points.begin(), points.end());
    Staircase steps;
    for (const auto& [objective, cost] : points) {
        if (!steps.costs.empty() && cost >= steps.costs.back()) continue;
        steps.objectives.push_back(objective);
        steps.costs.push_back(cost);
    }
    return steps;
}

// Replaces groups of neighbouring steps by their lower corners: never above the staircase it replaces.
void thin(Staircase& steps, std::size_t max_steps) {
    const std::size_t n = steps.costs.size();
    if (n <= max_steps) return;
    const std::size_t group = (n + max_steps - 1) / max_steps;
    std::size_t kept = 0;
    for (std::size_t first = 0; first < n; first += group, ++kept) {
        steps.objectives[kept] = steps.objectives[first];
        steps.costs[kept] = steps.costs[std::min(first + group, n) - 1];
    }
    steps.objectives.resize(kept);
    steps.costs.resize(kept);
}

std::vector<Value> points_of(const Staircase& steps) {
    std::vector<Value> points;
    for (std::size_t i = 0; i < steps.costs.size(); ++i) {
        points.push_back(steps.objectives[i]);
        points.push_back(steps.costs[i]);
    }
    return points;
}

// The staircase of all sums of two steps whose cost is within the room.
Staircase sums(const Staircase& a, const Staircase& b, Value room, TwoMetricMerge& curves, Cancel& cancel) {
    if (a.costs.empty() || b.costs.empty()) return {};
    const std::vector<Value> points_a = points_of(a), points_b = points_of(b);
    constexpr std::size_t any = std::numeric_limits<std::size_t>::max();
    const MergeLimits limits{{largest_total, room}, 0, 1, any, any};
    // Pairs that tie in everything make the same step, whichever is kept.
    const auto either = [](Pair, Pair) { return false; };
    std::pmr::vector<Value> totals;
    std::pmr::vector<Pair> pairs;
    curves.run({points_a, a.costs.size()}, {points_b, b.costs.size()}, limits, either, cancel, totals, pairs);
    Staircase steps;
    for (std::size_t i = 0; i < totals.size(); i += 2) {
        steps.objectives.push_back(totals[i]);
        steps.costs.push_back(totals[i + 1]);
    }
    return steps;
}

// The same where objectives are maxima. Rows are few: each row's staircase is merged into the result.
Staircase maxima(const Staircase& steps, const Staircase& rows, Cancel& cancel) {
    Staircase result;
    Staircase merged;
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
        for (std::size_t i = 0; i < steps.costs.size(); ++i) {
            const Value o = std::max(steps.objectives[i], rows.objectives[row]);
            for (; at < result.costs.size() && result.objectives[at] <= o; ++at)
                append(result.objectives[at], result.costs[at]);
            append(o, steps.costs[i] + rows.costs[row]);
        }
        for (; at < result.costs.size(); ++at) append(result.objectives[at], result.costs[at]);
        std::swap(result, merged);
    }
    return result;
}

// Costs above each block's smallest, in units of slack / scale, rounded down. A row that takes more than the slack is
// in no feasible subnet; it gets a cost just beyond the whole slack, so that products and sums stay small.
Columns2 scaled_to_slack(const Columns2& costs, Value slack) {
    Columns2 scaled = costs;
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

const Value* Staircase::objective_within(Value room) const {
    const auto first = std::partition_point(costs.begin(), costs.end(), [&](Value cost) { return cost > room; });
    return first == costs.end() ? nullptr : &objectives[static_cast<std::size_t>(first - costs.begin())];
}

Relaxation::Relaxation(Columns2 costs, Value budget, const Columns2& objectives, Aggregation objective, Cancel& cancel,
                       const Tuning& tuning)
    : costs_(std::move(costs)), budget_(budget), suffixes_(costs_.size() + 1) {
    const std::size_t n_blocks = costs_.size();
    Value least = 0;  // of the blocks before
    for (const auto& block : costs_) least += smallest(block);
    const Value nothing = objective == Aggregation::sum ? 0 : std::numeric_limits<Value>::min();
    suffixes_[n_blocks] = {{nothing}, {0}};
    TwoMetricMerge curves(tuning);
    for (std::size_t depth = n_blocks; depth-- > 1;) {
        least -= smallest(costs_[depth]);
        std::vector<std::pair<Value, Value>> points;
        for (std::size_t i = 0; i < costs_[depth].size(); ++i)
            points.emplace_back(objectives[depth][i], costs_[depth][i]);
        const Staircase rows = staircase(std::move(points));
        suffixes_[depth] = objective == Aggregation::sum
                               ? sums(suffixes_[depth + 1], rows, budget - least, curves, cancel)
                               : maxima(suffixes_[depth + 1], rows, cancel);
        if (suffixes_[depth].costs.size() > tuning.most_staircase_steps) tuning.count(&PathCounts::thinned_staircases);
        thin(suffixes_[depth], tuning.most_staircase_steps);
    }
}

std::vector<Relaxation> relax(const std::vector<PrunedBlock>& blocks, const std::vector<Aggregation>& aggregations,
                              const std::vector<Value>& origin, const std::vector<Value>& budgets, Cancel& cancel,
                              const Tuning& tuning) {
    const std::size_t n_metrics = aggregations.size();
    const Columns2 objectives = column(blocks, n_metrics, 0);
    std::vector<Relaxation> relaxations;
    std::vector<Columns2> scaled;
    for (std::size_t m = 1; m < n_metrics; ++m) {
        if (aggregations[m] != Aggregation::sum || budgets[m] == unlimited) continue;
        Columns2 costs = column(blocks, n_metrics, m);
        Value slack = budgets[m] - origin[m];
        for (const auto& block : costs) slack -= smallest(block);
        scaled.push_back(scaled_to_slack(costs, slack));
        relaxations.emplace_back(std::move(costs), budgets[m] - origin[m], objectives, aggregations[0], cancel, tuning);
    }
    if (relaxations.empty()) {
        Columns2 none = objectives;
        for (auto& block : none) std::fill(block.begin(), block.end(), Value{0});
        relaxations.emplace_back(std::move(none), 0, objectives, aggregations[0], cancel, tuning);
    }
    if (scaled.size() > 1) {
        Columns2 joined = scaled[0];
        for (std::size_t j = 1; j < scaled.size(); ++j)
            for (std::size_t b = 0; b < joined.size(); ++b)
                for (std::size_t i = 0; i < joined[b].size(); ++i) joined[b][i] += scaled[j][b][i];
        const Value budget = scale * static_cast<Value>(scaled.size());
        relaxations.emplace_back(std::move(joined), budget, objectives, aggregations[0], cancel, tuning);
    }
    return relaxations;
}

}  // namespace qabwnas

// The oracle of tests and fuzzing: computes what the engine computes, in the slow and obvious way. It makes all subnets
// and compares them.
#pragma once

#include <algorithm>
#include <span>
#include <vector>

#include "core/problem.hpp"
#include "front/front.hpp"

namespace qabwnas::oracle {

struct Subnet {
    std::vector<Value> totals;
    std::vector<Index> choice;
    auto operator<=>(const Subnet&) const = default;  // the order of answers
};

inline bool at_most(const std::vector<Value>& a, const std::vector<Value>& b) {
    for (std::size_t i = 0; i < a.size(); ++i)
        if (a[i] > b[i]) return false;
    return true;
}

// The subnets that the engine found.
inline std::vector<Subnet> subnets_of(std::span<const Value> totals, std::span<const Index> choice,
                                      const Problem& problem) {
    std::vector<Subnet> subnets;
    for (std::size_t i = 0; i * problem.n_metrics() < totals.size(); ++i) {
        const Value* total = &totals[i * problem.n_metrics()];
        const Index* row = &choice[i * problem.n_blocks()];
        subnets.push_back({{total, total + problem.n_metrics()}, {row, row + problem.n_blocks()}});
    }
    return subnets;
}

inline std::vector<Subnet> subnets_of(const Subnets& found, const Problem& problem) {
    return subnets_of(found.totals, found.choice, problem);
}

inline std::vector<Subnet> subnets_of(const Front& found, const Problem& problem) {
    return subnets_of(found.totals, whole_choice(found.levels), problem);
}

// Every subnet, in the order of answers.
inline std::vector<Subnet> subnets(const Problem& problem) {
    std::vector<Subnet> partial{{problem.origin, {}}};
    for (const Columns& block : problem.blocks) {
        std::vector<Subnet> longer;
        for (const Subnet& subnet : partial) {
            for (std::size_t row = 0; row < block.n_rows; ++row) {
                Subnet next = subnet;
                next.choice.push_back(static_cast<Index>(row));
                for (std::size_t m = 0; m < problem.n_metrics(); ++m)
                    next.totals[m] = combine(problem.aggregations[m], next.totals[m], block.at(m, row));
                longer.push_back(std::move(next));
            }
        }
        partial = std::move(longer);
    }
    std::sort(partial.begin(), partial.end());
    return partial;
}

// The subnets within the bounds, in the same order.
inline std::vector<Subnet> within(std::vector<Subnet> subnets, const std::vector<Value>& bounds) {
    std::erase_if(subnets, [&](const Subnet& subnet) { return !at_most(subnet.totals, bounds); });
    return subnets;
}

// The sorted subnets that no earlier one dominates.
inline std::vector<Subnet> front(const std::vector<Subnet>& sorted) {
    std::vector<Subnet> kept;
    for (const Subnet& subnet : sorted) {
        const auto dominates = [&](const Subnet& other) { return at_most(other.totals, subnet.totals); };
        if (std::none_of(kept.begin(), kept.end(), dominates)) kept.push_back(subnet);
    }
    return kept;
}

inline std::size_t n_differences(const Subnet& a, const Subnet& b) {
    std::size_t n = 0;
    for (std::size_t block = 0; block < a.choice.size(); ++block) n += a.choice[block] != b.choice[block] ? 1 : 0;
    return n;
}

inline bool keeps_min_distance(const Subnet& subnet, const std::vector<Subnet>& others, std::size_t min_distance) {
    return std::all_of(others.begin(), others.end(),
                       [&](const Subnet& other) { return n_differences(subnet, other) >= min_distance; });
}

// The first k of sorted subnets that differ from each one taken before in at least min_distance blocks.
inline std::vector<Subnet> top(const std::vector<Subnet>& sorted, std::size_t k, std::size_t min_distance) {
    std::vector<Subnet> taken;
    for (const Subnet& subnet : sorted)
        if (taken.size() < k && keeps_min_distance(subnet, taken, min_distance)) taken.push_back(subnet);
    return taken;
}

// The rows of a block that fewer than k others prune, ascending: see prune.hpp.
inline std::vector<Index> pruned(const Columns& block, const std::vector<Aggregation>& aggregations, std::size_t k) {
    const auto sums = [&](std::size_t row) {
        std::vector<Value> values;
        for (std::size_t m = 0; m < aggregations.size(); ++m)
            if (aggregations[m] == Aggregation::sum) values.push_back(block.at(m, row));
        return values;
    };
    const auto prunes = [&](std::size_t r, std::size_t s) {
        for (std::size_t m = 0; m < aggregations.size(); ++m)
            if (block.at(m, r) > block.at(m, s)) return false;
        return std::pair(sums(r), r) < std::pair(sums(s), s);
    };
    std::vector<Index> rows;
    for (std::size_t s = 0; s < block.n_rows; ++s) {
        std::size_t n_pruning = 0;
        for (std::size_t r = 0; r < block.n_rows; ++r) n_pruning += prunes(r, s) ? 1 : 0;
        if (n_pruning < k) rows.push_back(static_cast<Index>(s));
    }
    return rows;
}

// The first point within the budgets on some metrics, or -1.
inline std::int64_t first_fit(const Columns& points, const std::vector<std::size_t>& metrics, const Value* budgets) {
    for (std::size_t i = 0; i < points.n_rows; ++i) {
        bool fits = true;
        for (std::size_t j = 0; j < metrics.size(); ++j) fits &= points.at(metrics[j], i) <= budgets[j];
        if (fits) return static_cast<std::int64_t>(i);
    }
    return -1;
}

}  // namespace qabwnas::oracle

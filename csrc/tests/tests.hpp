// Shared by the test files of the engine: expectations, random instances and tunings. Each test file has one function
// per topic; main.cpp calls them.
#pragma once

#include <array>
#include <cstdio>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "core/problem.hpp"
#include "core/tuning.hpp"
#include "solve/top.hpp"
#include "tests/oracle.hpp"
#include "tests/shrunk.hpp"

namespace qabwnas::tests {

using oracle::Subnet;
using oracle::subnets_of;

constexpr std::size_t plenty = std::size_t{1} << 30;
constexpr TopLimits no_limits{plenty, 1e300};

inline int n_failures = 0;

inline void expect(bool holds, const std::string& what) {
    if (holds) return;
    ++n_failures;
    std::printf("FAILED: %s\n", what.c_str());
}

// A problem, and the memory of its views.
struct Instance {
    std::vector<std::vector<Value>> memory;
    Problem problem;
};

// Counts, over all tests, the paths that only large inputs take in production.
inline PathCounts counts;

// In a third of the cases production values, and then nothing is counted.
inline Tuning random_tuning(std::mt19937& random) {
    if (random() % 3 == 0) return {};
    Tuning tuning = shrunk([&](int low, int high) { return std::uniform_int_distribution<int>(low, high)(random); });
    tuning.counts = &counts;
    return tuning;
}

inline int draw_metrics(std::mt19937& random) {
    const int kind = std::uniform_int_distribution<int>(0, 19)(random);
    return std::uniform_int_distribution<int>(kind == 0 ? 13 : 1, kind == 0 ? 16 : kind < 6 ? 12 : 5)(random);
}

// Metrics are constant, few-valued or many-valued. Often no sum has many values.
inline Instance random_instance(std::mt19937& random, int most_rows = 7) {
    const auto draw = [&](int low, int high) { return std::uniform_int_distribution<int>(low, high)(random); };
    Instance instance;
    const int n_metrics = draw_metrics(random), n_blocks = draw(1, 4);
    std::vector<int> spreads;
    for (int m = 0; m < n_metrics; ++m) {
        instance.problem.aggregations.push_back(draw(0, 3) ? Aggregation::sum : Aggregation::max);
        instance.problem.origin.push_back(draw(-2, 2));
        spreads.push_back(std::array{0, 1, 4, 1000, 1000}[random() % 5]);
    }
    for (int b = 0; b < n_blocks; ++b) {
        const int n_rows = draw(1, most_rows);
        std::vector<Value>& values = instance.memory.emplace_back();
        for (const int spread : spreads)
            for (int row = 0; row < n_rows; ++row) values.push_back(draw(-spread, spread));
    }
    for (const std::vector<Value>& values : instance.memory) {
        const std::size_t n_rows = values.size() / static_cast<std::size_t>(n_metrics);
        instance.problem.blocks.push_back({values.data(), n_rows, n_rows});
    }
    return instance;
}

// Blocks of rows; the first metric has n_first different values.
inline Instance large_instance(std::mt19937& random, int n_metrics, int n_maxima, int n_blocks, int n_rows,
                               int n_first) {
    Instance instance;
    for (int m = 0; m < n_metrics; ++m) {
        instance.problem.aggregations.push_back(m < n_metrics - n_maxima ? Aggregation::sum : Aggregation::max);
        instance.problem.origin.push_back(0);
    }
    for (int b = 0; b < n_blocks; ++b) {
        std::vector<Value>& values = instance.memory.emplace_back();
        for (int i = 0; i < n_metrics * n_rows; ++i)
            values.push_back(i < n_rows ? static_cast<Value>(random() % static_cast<unsigned>(n_first))
                                        : static_cast<Value>(random() % 100'000));
    }
    for (const std::vector<Value>& values : instance.memory) {
        const auto n = static_cast<std::size_t>(n_rows);
        instance.problem.blocks.push_back({values.data(), n, n});
    }
    return instance;
}

inline std::vector<Value> random_budgets(const std::vector<Subnet>& all, std::mt19937& random) {
    std::vector<Value> budgets(all[0].totals.size(), unlimited);
    for (std::size_t m = 0; m < budgets.size(); ++m)
        if (random() % 2) budgets[m] = all[random() % all.size()].totals[m];
    return budgets;
}

void test_pruning();
void test_fronts();
void test_direct_search();
void test_queries();
void test_numeric();
void test_baselines();

}  // namespace qabwnas::tests

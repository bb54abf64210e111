// The read-only instance that every search works on, its statuses and its results: a multi-objective multiple-choice
// knapsack (Kellerer, Pferschy, Pisinger 2004, chapter 11).
//
// A problem is a sequence of blocks; a subnet takes one candidate (row) of every block. Its total in a metric is the
// origin (fixed part) plus the sum of the rows' values, or the maximum of the origin and the rows' values. All values
// are int64 units of a decimal grid chosen by the caller, who guarantees that no total leaves ±largest_total; sums are
// then exact in any order. Every metric is minimised.
//
// Answers follow one total order: totals lexicographically, in metric order, then candidates lexicographically, in
// block order. An answer is therefore never dominated, and never depends on threads or on the order of work.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

namespace qabwnas {

using Value = std::int64_t;
using Index = std::int32_t;

enum class Aggregation : std::uint8_t { sum = 0, max = 1 };

// A block's metric columns, each contiguous: value(m, row) = data[m * stride + row].
struct Columns {
    const Value* data;
    std::size_t n_rows;
    std::size_t stride;

    const Value* column(std::size_t metric) const { return data + metric * stride; }
    Value at(std::size_t metric, std::size_t row) const { return data[metric * stride + row]; }
};

constexpr Value largest_total = Value{1} << 62;

// How many metrics a problem may have: objective, budgeted and minimised ones. Nothing here needs a smaller number, but
// fronts and skybands of more metrics hold nearly every subnet and row. Bindings and callers refuse more.
constexpr std::size_t max_metrics = 16;

struct Problem {
    std::vector<Columns> blocks;
    std::vector<Aggregation> aggregations;  // one per metric
    std::vector<Value> origin;              // one per metric: fixed part; the lowest Value if a maximum has none

    std::size_t n_metrics() const { return aggregations.size(); }
    std::size_t n_blocks() const { return blocks.size(); }
};

constexpr Value unlimited = std::numeric_limits<Value>::max();  // the budget of a metric without one

// For metrics after the objective, which is the first one.
inline bool is_budgeted_sum(const Problem& problem, const std::vector<Value>& budgets, std::size_t metric) {
    return problem.aggregations[metric] == Aggregation::sum && budgets[metric] != unlimited;
}

inline std::size_t n_budgeted_sums(const Problem& problem, const std::vector<Value>& budgets) {
    std::size_t n = 0;
    for (std::size_t m = 1; m < problem.n_metrics(); ++m) n += is_budgeted_sum(problem, budgets, m) ? 1 : 0;
    return n;
}

inline Value combine(Aggregation aggregation, Value a, Value b) {
    return aggregation == Aggregation::sum ? a + b : std::max(a, b);
}

// How far a value is above another that is not larger; a difference of totals may be 2^63.
inline std::uint64_t above(Value value, Value least) {
    return static_cast<std::uint64_t>(value) - static_cast<std::uint64_t>(least);
}

enum class Status : std::uint8_t { complete = 0, infeasible = 1, cancelled = 2, limit = 3 };

// Subnets with their totals: totals (n × n_metrics) and choice (n × n_blocks), row-major, in answer order.
struct Subnets {
    Status status = Status::complete;
    std::vector<Value> totals;
    std::vector<Index> choice;
    std::size_t n_pairs = 0;  // work counter: partial subnets that were looked at
};

}  // namespace qabwnas

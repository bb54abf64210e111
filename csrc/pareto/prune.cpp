#include "pareto/prune.hpp"

#include <bit>

#include "pareto/dominance_index.hpp"
#include "pareto/prefilter.hpp"
#include "pareto/skyband_index.hpp"
#include "pareto/sweep_sort.hpp"

namespace qabwnas {

namespace {

std::pmr::vector<Value> row_major(const PrefilteredRows& rows) {
    const std::size_t d = rows.columns.size();
    std::pmr::vector<Value> values(rows.numbers.size() * d, rows.numbers.get_allocator());
    for (std::size_t i = 0; i < d; ++i)
        for (std::size_t r = 0; r < rows.numbers.size(); ++r) values[r * d + i] = rows.columns[i][r];
    return values;
}

// The rows' positions in sweep order; rows ascend.
std::pmr::vector<Keyed> sweep_positions(const std::pmr::vector<Value>& values, std::size_t n_rows,
                                        const SweepOrder& order, const Tuning& tuning) {
    const std::size_t d = order.size();
    std::pmr::vector<Keyed> positions(n_rows, values.get_allocator()), scratch(values.get_allocator());
    for (std::size_t r = 0; r < n_rows; ++r)
        positions[r] = {order.n_sums > 0 ? values[r * d] : 0, static_cast<std::uint32_t>(r)};
    sweep_sort(positions, scratch, tuning, [&](std::size_t a, std::size_t b) {
        for (std::size_t i = 1; i < order.n_sums; ++i)
            if (values[a * d + i] != values[b * d + i]) return values[a * d + i] < values[b * d + i];
        return a < b;
    });
    return positions;
}

template <class DominanceIndex>
PrunedBlock sweep(const PrefilteredRows& rows, const std::pmr::vector<Value>& values, const SweepOrder& order,
                  DominanceIndex index, Cancel& cancel, const Tuning& tuning) {
    PrunedBlock kept(values.get_allocator().resource());
    for (const Keyed& position : sweep_positions(values, rows.numbers.size(), order, tuning)) {
        if (cancel.requested()) break;
        const Value* point = &values[position.at * order.size()];
        if (index.dominates(point + order.first_tested())) continue;
        index.insert(point + order.first_tested());
        kept.rows.push_back(rows.numbers[position.at]);
        kept.values.insert(kept.values.end(), point, point + order.size());
    }
    return kept;
}

}  // namespace

Box tested_box(std::span<const Value> values, const SweepOrder& order) {
    Box box{{}, {}, values.size() / order.size()};
    for (std::size_t i = order.first_tested(); i < order.size(); ++i) {
        Value low = values[i], high = values[i];
        for (std::size_t start = i; start < values.size(); start += order.size()) {
            low = std::min(low, values[start]);
            high = std::max(high, values[start]);
        }
        box.low.push_back(low);
        box.high.push_back(high);
    }
    return box;
}

SweepOrder::SweepOrder(const std::vector<Aggregation>& aggregations) {
    for (const Aggregation wanted : {Aggregation::sum, Aggregation::max}) {
        for (std::size_t m = 0; m < aggregations.size(); ++m)
            if (aggregations[m] == wanted) metrics.push_back(m);
        if (wanted == Aggregation::sum) n_sums = metrics.size();
    }
}

SweepOrder SweepOrder::first_metric_last(const std::vector<Aggregation>& aggregations) {
    SweepOrder order(aggregations);
    const auto begin = order.metrics.begin(), maxima = begin + static_cast<std::ptrdiff_t>(order.n_sums);
    if (aggregations[0] == Aggregation::sum)
        std::rotate(begin, begin + 1, maxima);
    else
        std::rotate(maxima, maxima + 1, order.metrics.end());
    return order;
}

PrunedBlock prune(const Columns& block, const SweepOrder& order, std::size_t k, Cancel& cancel, const Tuning& tuning,
                  Memory* memory) {
    const PrefilteredRows rows = prefilter(block, order, k, cancel, tuning, memory);
    const std::pmr::vector<Value> values = row_major(rows);
    if (k > 1 && order.n_tested() < 2)
        return sweep(rows, values, order, SmallestIndex(order.n_tested(), k), cancel, tuning);
    const Box box = tested_box(values, order);
    if (k > 1)
        return sweep(rows, values, order, SkybandIndex(box, rows.numbers.size(), k, tuning, memory), cancel, tuning);
    return with_dominance_index(
        box, tuning, memory, [&](auto index) { return sweep(rows, values, order, std::move(index), cancel, tuning); });
}

void sort_rows(std::pmr::vector<Index>& rows, std::size_t n_rows) {
    constexpr std::size_t n_bits = 64, few = 16;
    if (rows.size() < n_rows / (few * n_bits)) {
        std::sort(rows.begin(), rows.end());
        return;
    }
    std::vector<std::uint64_t> marks(n_rows / n_bits + 1);
    for (const Index row : rows) {
        const auto at = static_cast<std::size_t>(row);
        marks[at / n_bits] |= std::uint64_t{1} << at % n_bits;
    }
    rows.clear();
    for (std::size_t word = 0; word < marks.size(); ++word)
        for (std::uint64_t left = marks[word]; left != 0; left &= left - 1)
            rows.push_back(static_cast<Index>(word * n_bits + static_cast<std::size_t>(std::countr_zero(left))));
}

}  // namespace qabwnas

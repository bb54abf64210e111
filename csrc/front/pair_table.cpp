#include "front/pair_table.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <numeric>

namespace qabwnas {

namespace {

constexpr std::size_t fewest_cells = 5, cells_per_pair = 8;

// Largest number of cells per axis, so that a table stays in the cache; by number of axes, the last for more.
constexpr std::array<std::size_t, 5> most_cells_per_axis = {1024, 128, 32, 14, 8};

}  // namespace

PairTable::PairTable(const Points& front, const Points& rows, const SweepOrder& order,
                     const std::vector<Aggregation>& aggregations, const Tuning& tuning, Memory* memory)
    : front_(front),
      rows_(rows),
      order_(order),
      aggregations_(aggregations),
      tuning_(tuning),
      memory_(memory),
      axes_(axes()),
      table_(sides(), memory_),
      lists_are_rows_(rows.n <= front.n),
      all_sums_(order.n_sums == order.size()),
      lists_(lists_are_rows_ ? side_of(rows, &Axis::low_rows) : side_of(front, &Axis::low_front)),
      longer_(lists_are_rows_ ? side_of(front, &Axis::low_front) : side_of(rows, &Axis::low_rows)) {
    tuning_.count(has_table() ? &PathCounts::merges_with_table : &PathCounts::merges_without_table);
}

std::pair<Value, Value> PairTable::range(const Points& points, std::size_t metric) const {
    Value low = at(points, 0, metric), high = low;
    for (std::size_t i = 1; i < points.n; ++i) {
        low = std::min(low, at(points, i, metric));
        high = std::max(high, at(points, i, metric));
    }
    return {low, high};
}

// Lets a unit divide the points' differences from a value, too.
std::uint64_t PairTable::unit_of(std::uint64_t unit, const Points& points, std::size_t metric, Value low) const {
    for (std::size_t i = 0; i < points.n && unit != 1; ++i) unit = std::gcd(unit, above(at(points, i, metric), low));
    return unit;
}

PairTable::Axis PairTable::axis_of(std::size_t metric) const {
    const auto [low_a, high_a] = range(front_, metric);
    const auto [low_b, high_b] = range(rows_, metric);
    Axis axis{low_a, low_b, low_a, 0, 0, aggregations_[metric] == Aggregation::max};
    if (axis.is_max)
        axis.low_front = axis.low_rows = axis.low_total = std::min(low_a, low_b);
    else
        axis.low_total = low_a + low_b;
    axis.unit = unit_of(unit_of(0, front_, metric, axis.low_front), rows_, metric, axis.low_rows);
    axis.unit = std::max<std::uint64_t>(axis.unit, 1);
    const Value high = combine(aggregations_[metric], high_a, high_b);
    axis.n_values = above(high, axis.low_total) / axis.unit + 1;
    return axis;
}

// The axes of the table, over all tested coordinates but the last; none if they had too few cells.
std::vector<PairTable::Axis> PairTable::axes() const {
    const std::size_t first = order_.first_tested();
    std::vector<Axis> axes;
    for (std::size_t metric = first; metric + 1 < order_.size(); ++metric) axes.push_back(axis_of(metric));
    const std::size_t n_pairs = front_.n * rows_.n;  // few pairs are not worth a large table
    std::size_t n_cells = std::max(std::min(tuning_.most_cells, cells_per_pair * n_pairs), fewest_cells);
    std::size_t n_left = axes.size(), side = 1;
    for (bool goes_on = true; n_left > 0 && goes_on;) {
        goes_on = false;
        side = std::min(side_within(n_cells, n_left),
                        most_cells_per_axis[std::min(n_left, most_cells_per_axis.size()) - 1]);
        for (Axis& axis : axes) {
            if (axis.side > 0 || axis.n_values > side) continue;
            axis.cut(axis.n_values, true);
            tuning_.count(&PathCounts::exact_axes);
            n_cells /= axis.side;
            n_left -= 1;
            goes_on = true;
            break;
        }
    }
    if (n_left > 0 && side < fewest_cells) return {};
    for (Axis& axis : axes)
        if (axis.side == 0) axis.cut(side, false);
    return axes;
}

std::vector<std::size_t> PairTable::sides() const {
    std::vector<std::size_t> sides;
    for (const Axis& axis : axes_) sides.push_back(axis.side);
    return sides;
}

PairTable::Side PairTable::side_of(const Points& points, Value Axis::* low) const {
    Side side(memory_);
    side.n = points.n;
    side.first.resize(points.n);
    side.last.resize(points.n);
    side.cells.resize(points.n);
    for (std::size_t i = 0; i < points.n; ++i) {
        if (order_.n_sums > 0) side.first[i] = at(points, i, 0);
        if (order_.n_tested() > 0) side.last[i] = at(points, i, order_.size() - 1);
    }
    for (std::size_t a = 0; a < axes_.size(); ++a) {
        const Axis& axis = axes_[a];
        std::pmr::vector<std::int32_t>& cells = axis.is_max ? side.max_cells.emplace_back(points.n) : side.cells;
        const auto stride = static_cast<std::int32_t>(table_.stride(a));
        for (std::size_t i = 0; i < points.n; ++i)
            cells[i] += stride * axis.cell(at(points, i, order_.first_tested() + a), axis.*low);
    }
    return side;
}

Box PairTable::box() const {
    Box box{{}, {}, front_.n * rows_.n};
    for (std::size_t metric = order_.first_tested(); metric < order_.size(); ++metric) {
        const auto [low_a, high_a] = range(front_, metric);
        const auto [low_b, high_b] = range(rows_, metric);
        box.low.push_back(combine(aggregations_[metric], low_a, low_b));
        box.high.push_back(combine(aggregations_[metric], high_a, high_b));
    }
    return box;
}

bool PairTable::close_above(const std::vector<Value>& high) {
    const std::size_t first = order_.first_tested();
    std::vector<std::size_t> cells;
    for (std::size_t a = 0; a < axes_.size(); ++a) {
        if (high[first + a] < axes_[a].low_total) return false;
        cells.push_back(std::min(axes_[a].side - 1, axes_[a].cell_of_limit(high[first + a])));
    }
    const bool last_is_tested = order_.n_tested() > 0;
    table_.close_above(cells, last_is_tested ? high.back() : std::numeric_limits<Value>::max() - 1);
    return true;
}

std::size_t PairTable::open_sums(const Run& run, std::uint32_t* positions) const {
    std::size_t n_open = 0;
    const Value* smallest = table_.data() + lists_.cells[run.list];
    const Value list_last = lists_.last[run.list];
    for (std::size_t i = run.at; i < run.end; ++i) {
        positions[n_open] = static_cast<std::uint32_t>(i);
        n_open += longer_.last[i] + list_last < smallest[longer_.cells[i]] ? 1 : 0;
    }
    return n_open;
}

// The same if some tested metric is a maximum.
std::size_t PairTable::open_mixed(const Run& run, std::uint32_t* positions) const {
    std::size_t n_open = 0;
    for (std::size_t i = run.at; i < run.end; ++i) {
        std::int32_t cell = lists_.cells[run.list] + longer_.cells[i];
        for (std::size_t a = 0; a < longer_.max_cells.size(); ++a)
            cell += std::max(lists_.max_cells[a][run.list], longer_.max_cells[a][i]);
        const Value last = combine(aggregations_.back(), lists_.last[run.list], longer_.last[i]);
        positions[n_open] = static_cast<std::uint32_t>(i);
        n_open += last < table_.data()[cell] ? 1 : 0;
    }
    return n_open;
}

void PairTable::learn(const std::vector<Value>& point) {
    if (!has_table()) return;
    for (std::size_t a = 0; a < axes_.size(); ++a) cells_[a] = axes_[a].cell_above(point[order_.first_tested() + a]);
    table_.lower(cells_.data(), order_.n_tested() > 0 ? point.back() : 0);
}

}  // namespace qabwnas

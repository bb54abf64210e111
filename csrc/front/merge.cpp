#include "front/merge.hpp"

#include <array>
#include <numeric>

#include "front/slabs.hpp"
#include "pareto/cell_table.hpp"
#include "pareto/dominance_index.hpp"
#include "pareto/sweep_sort.hpp"

namespace qabwnas {

namespace {

constexpr std::size_t fewest_cells = 5, cells_a_pair = 8;

// Cells a side at most, so that a table stays in the cache; by number of axes, the last for more.
constexpr std::array<std::size_t, 5> most_cells_a_side = {1024, 128, 32, 14, 8};

// One coordinate's cells such that the cells of two parts add up to at most the cell of their sum. Differences are
// taken in integers, so a double errs by far less than a cell.
struct Axis {
    Value low_front, low_rows, low_total;
    std::uint64_t unit;      // divides all differences
    std::uint64_t n_values;  // that totals can have, at most
    bool is_max;
    std::size_t side = 0;   // 0: not chosen yet
    bool is_exact = false;  // a cell for every value
    double scale = 0;

    void cut(std::size_t n_cells, bool exact) {
        side = n_cells;
        is_exact = exact;
        const double most = static_cast<double>(side) - 2, width = static_cast<double>((n_values - 1) * unit);
        scale = most / std::max(width, 1.0);
    }

    std::int32_t cell(Value value, Value low) const {
        const std::uint64_t difference = above(value, low);
        if (is_exact) return static_cast<std::int32_t>(difference / unit);
        return static_cast<std::int32_t>(static_cast<double>(difference) * scale);
    }

    // The last cell that a total up to the limit may lie in.
    std::size_t cell_of_limit(Value high) const {
        const std::uint64_t difference = above(high, low_total);
        if (is_exact) return static_cast<std::size_t>(std::min<std::uint64_t>(difference / unit, side));
        return static_cast<std::size_t>(std::min(static_cast<double>(difference) * scale, 0x1p30)) +
               1;  // may err by one
    }

    // The lowest cell of which a part's or total's own cell tells that the given total is at most it.
    std::size_t cell_above(Value total) const {
        return static_cast<std::size_t>(cell(total, low_total)) + (is_exact ? 0 : 2);
    }
};

// One side of the pairs: what a look-up of a pair needs, point by point.
struct Side {
    explicit Side(Memory* memory) : first(memory), last(memory), cells(memory), max_cells(memory) {}

    std::size_t n = 0;
    std::pmr::vector<Value> first, last;                         // the first sum, the last tested coordinate; or zeros
    std::pmr::vector<std::int32_t> cells;                        // over the axes of sums, added up with their strides
    std::pmr::vector<std::pmr::vector<std::int32_t>> max_cells;  // of each axis of a maximum, times its stride
};

class Sweep {
  public:
    Sweep(const Points& front, const Points& rows, const SweepOrder& order,
          const std::vector<Aggregation>& aggregations, const MergeLimits& limits, const Precedes& precedes,
          Cancel& cancel, const Tuning& tuning, std::pmr::vector<Pair>& pairs)
        : front_(front),
          rows_(rows),
          order_(order),
          aggregations_(aggregations),
          limits_(limits),
          precedes_(precedes),
          cancel_(cancel),
          tuning_(tuning),
          memory_(pairs.get_allocator().resource()),
          d_(order.size()),
          axes_(axes()),
          table_(sides(), memory_),
          lists_are_rows_(rows.n <= front.n),
          lists_(lists_are_rows_ ? side_of(rows, &Axis::low_rows) : side_of(front, &Axis::low_front)),
          long_(lists_are_rows_ ? side_of(front, &Axis::low_front) : side_of(rows, &Axis::low_rows)),
          box_(box()),
          pairs_(pairs) {
        tuning_.count(has_table() ? &PathCounts::merges_with_table : &PathCounts::merges_without_table);
    }

    Status run() {
        if (!close_above_limits()) return Status::complete;
        return with_archive(box_, tuning_, memory_, [&](auto archive) {
            sweep(archive);
            return status_;
        });
    }

  private:
    Value at(const Points& points, std::size_t i, std::size_t metric) const { return points.values[i * d_ + metric]; }

    std::pair<Value, Value> range(const Points& points, std::size_t metric) const {
        Value low = at(points, 0, metric), high = low;
        for (std::size_t i = 1; i < points.n; ++i) {
            low = std::min(low, at(points, i, metric));
            high = std::max(high, at(points, i, metric));
        }
        return {low, high};
    }

    // Lets a unit divide the points' differences from a value, too.
    std::uint64_t unit_of(std::uint64_t unit, const Points& points, std::size_t metric, Value low) const {
        for (std::size_t i = 0; i < points.n && unit != 1; ++i)
            unit = std::gcd(unit, above(at(points, i, metric), low));
        return unit;
    }

    Axis axis_of(std::size_t metric) const {
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

    // The axes of the table, over all tested coordinates but the last; none where they had too few cells.
    std::vector<Axis> axes() const {
        const std::size_t first = order_.first_tested();
        std::vector<Axis> axes;
        for (std::size_t metric = first; metric + 1 < d_; ++metric) axes.push_back(axis_of(metric));
        const std::size_t n_pairs = front_.n * rows_.n;  // few pairs are not worth a large table
        std::size_t n_cells = std::max(std::min(tuning_.most_cells, cells_a_pair * n_pairs), fewest_cells);
        std::size_t n_left = axes.size(), side = 1;
        for (bool goes_on = true; n_left > 0 && goes_on;) {
            goes_on = false;
            side = std::min(side_within(n_cells, n_left),
                            most_cells_a_side[std::min(n_left, most_cells_a_side.size()) - 1]);
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

    std::vector<std::size_t> sides() const {
        std::vector<std::size_t> sides;
        for (const Axis& axis : axes_) sides.push_back(axis.side);
        return sides;
    }

    // Whether the table is over all tested coordinates but the last.
    bool has_table() const { return order_.n_tested() <= axes_.size() + 1; }

    Side side_of(const Points& points, Value Axis::* low) const {
        Side side(memory_);
        side.n = points.n;
        side.first.resize(points.n);
        side.last.resize(points.n);
        side.cells.resize(points.n);
        for (std::size_t i = 0; i < points.n; ++i) {
            if (order_.n_sums > 0) side.first[i] = at(points, i, 0);
            if (order_.n_tested() > 0) side.last[i] = at(points, i, d_ - 1);
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

    Box box() const {
        Box box{{}, {}, front_.n * rows_.n};
        for (std::size_t metric = order_.first_tested(); metric < d_; ++metric) {
            const auto [low_a, high_a] = range(front_, metric);
            const auto [low_b, high_b] = range(rows_, metric);
            box.low.push_back(combine(aggregations_[metric], low_a, low_b));
            box.high.push_back(combine(aggregations_[metric], high_a, high_b));
        }
        return box;
    }

    // Returns whether anything is left.
    bool close_above_limits() {
        const std::size_t last = d_ - 1, first = order_.first_tested();
        std::vector<std::size_t> cells;
        for (std::size_t a = 0; a < axes_.size(); ++a) {
            const Value high = limits_.high[first + a];
            if (high < axes_[a].low_total) return false;
            cells.push_back(std::min(axes_[a].side - 1, axes_[a].cell_of_limit(high)));
        }
        const bool last_is_tested = order_.n_tested() > 0;
        table_.close_above(cells, last_is_tested ? limits_.high[last] : std::numeric_limits<Value>::max() - 1);
        return true;
    }

    template <class Archive>
    void sweep(Archive& archive) {
        // Small slabs leave little open, but each costs a look at every list.
        const std::size_t pairs_a_slab =
            std::clamp(lists_.n * long_.n / 128, tuning_.fewest_slab_pairs, tuning_.most_slab_pairs);
        const Value limit = order_.n_sums > 0 ? limits_.high[0] : 0;
        Slabs slabs(lists_.first, long_.first, pairs_a_slab, limit, memory_);
        while (status_ == Status::complete && slabs.next()) {
            collect(slabs.runs(), archive);
            keep(archive);
        }
    }

    // Lists the open pairs of a slab. Where they become too many, what is covered goes; and where that does not help,
    // only once they have doubled again.
    template <class Archive>
    void collect(const std::pmr::vector<Run>& runs, const Archive& kept) {
        open_.clear();
        keyed_.clear();
        std::size_t most_open = limits_.most_open;
        for (const Run& run : runs) {
            for (Run piece = run; piece.at < run.end; piece.at = piece.end) {
                piece.end = std::min(run.end, piece.at + tuning_.most_slab_pairs);
                collect(piece);
                if (cancel_.requested(static_cast<std::uint32_t>((piece.end - piece.at) / 64))) {
                    status_ = Status::cancelled;
                    return;
                }
                if (open_.size() < most_open) continue;
                reduce(kept);
                if (status_ != Status::complete) return;
                most_open = std::max(most_open, 2 * open_.size());
            }
        }
    }

    void collect(const Run& run) {
        positions_.resize(std::max(positions_.size(), run.end - run.at));
        const std::size_t n_open = all_sums_ ? open_sums(run) : open_mixed(run);
        for (std::size_t i = 0; i < n_open; ++i) {
            const auto a = static_cast<Index>(run.list), b = static_cast<Index>(positions_[i]);
            open(lists_are_rows_ ? Pair{b, a} : Pair{a, b}, lists_.first[run.list] + long_.first[positions_[i]]);
        }
    }

    void open(const Pair& pair, Value first) {
        keyed_.push_back({first, static_cast<std::uint32_t>(open_.size())});
        open_.push_back(pair);
    }

    // Writes the positions of a run that are below what the table holds for their cell; returns how many.
    std::size_t open_sums(const Run& run) {
        std::size_t n_open = 0;
        const Value* smallest = table_.data() + lists_.cells[run.list];
        const Value list_last = lists_.last[run.list];
        for (std::size_t i = run.at; i < run.end; ++i) {
            positions_[n_open] = static_cast<std::uint32_t>(i);
            n_open += long_.last[i] + list_last < smallest[long_.cells[i]] ? 1 : 0;
        }
        return n_open;
    }

    // The same where some tested metric is a maximum.
    std::size_t open_mixed(const Run& run) {
        std::size_t n_open = 0;
        for (std::size_t i = run.at; i < run.end; ++i) {
            std::int32_t cell = lists_.cells[run.list] + long_.cells[i];
            for (std::size_t a = 0; a < long_.max_cells.size(); ++a)
                cell += std::max(lists_.max_cells[a][run.list], long_.max_cells[a][i]);
            const Value last = combine(aggregations_.back(), lists_.last[run.list], long_.last[i]);
            positions_[n_open] = static_cast<std::uint32_t>(i);
            n_open += last < table_.data()[cell] ? 1 : 0;
        }
        return n_open;
    }

    Value total(const Pair& pair, std::size_t metric) const {
        return combine(aggregations_[metric], at(front_, static_cast<std::size_t>(pair.point), metric),
                       at(rows_, static_cast<std::size_t>(pair.row), metric));
    }

    void load_point(const Pair& pair) {
        const Value* a = &front_.values[static_cast<std::size_t>(pair.point) * d_];
        const Value* b = &rows_.values[static_cast<std::size_t>(pair.row) * d_];
        for (std::size_t metric = 0; metric < order_.n_sums; ++metric) point_[metric] = a[metric] + b[metric];
        for (std::size_t metric = order_.n_sums; metric < d_; ++metric) point_[metric] = std::max(a[metric], b[metric]);
    }

    void sort_open() {
        sweep_sort(keyed_, scratch_, tuning_, [&](std::uint32_t a, std::uint32_t b) {
            for (std::size_t metric = 1; metric < order_.n_sums; ++metric) {
                const Value x = total(open_[a], metric), y = total(open_[b], metric);
                if (x != y) return x < y;
            }
            return precedes_(open_[a], open_[b]);
        });
    }

    // Drops open pairs of a slab that kept points, or open ones that come before, are at most. The table learns nothing
    // of those: pairs of the same first sum may still come before them.
    template <class Archive>
    void reduce(const Archive& kept) {
        tuning_.count(&PathCounts::slab_reductions);
        sort_open();
        std::pmr::vector<Pair> left(memory_);
        with_archive(box_, tuning_, memory_, [&](auto archive) {
            for (const Keyed& keyed : keyed_) {
                if (cancel_.requested()) status_ = Status::cancelled;
                if (status_ != Status::complete) return;
                load_point(open_[keyed.at]);
                const Value* const tested = point_.data() + order_.first_tested();
                if (is_outside() || kept.covers(tested) || archive.covers(tested)) continue;
                archive.insert(tested);
                left.push_back(open_[keyed.at]);
            }
        });
        open_.clear();
        keyed_.clear();
        for (const Pair& pair : left) open(pair, order_.n_sums > 0 ? total(pair, 0) : 0);
    }

    // Sorts and tests the open pairs of a slab, keeps what no other covers, and lets the table learn of it.
    template <class Archive>
    void keep(Archive& archive) {
        if (status_ != Status::complete) return;
        sort_open();
        for (const Keyed& keyed : keyed_) {
            if (cancel_.requested()) {
                status_ = Status::cancelled;
                return;
            }
            const Pair& pair = open_[keyed.at];
            load_point(pair);
            if (is_outside() || is_covered(archive)) continue;
            if (pairs_.size() == limits_.max_points) {
                status_ = Status::limit;
                return;
            }
            archive.insert(point_.data() + order_.first_tested());
            pairs_.push_back(pair);
            learn();
        }
    }

    bool is_outside() const {
        for (std::size_t metric = 0; metric < d_; ++metric)
            if (point_[metric] > limits_.high[metric]) return true;
        return false;
    }

    // With slack, one coordinate is asked for as if it were larger.
    template <class Archive>
    bool is_covered(const Archive& archive) {
        Value& loose = point_[limits_.slack_metric];
        const Value value = loose;
        if (limits_.slack > 0) loose += static_cast<Value>(static_cast<double>(value) * limits_.slack);
        const bool covered = archive.covers(point_.data() + order_.first_tested());
        loose = value;
        return covered;
    }

    void learn() {
        if (!has_table()) return;
        for (std::size_t a = 0; a < axes_.size(); ++a)
            cells_[a] = axes_[a].cell_above(point_[order_.first_tested() + a]);
        table_.lower(cells_.data(), order_.n_tested() > 0 ? point_.back() : 0);
    }

    const Points &front_, &rows_;
    const SweepOrder& order_;
    const std::vector<Aggregation>& aggregations_;
    const MergeLimits& limits_;
    const Precedes& precedes_;
    Cancel& cancel_;
    const Tuning& tuning_;
    Memory* memory_;
    std::size_t d_;
    std::vector<Axis> axes_;
    CellTable table_;
    bool lists_are_rows_;
    bool all_sums_ = order_.n_sums == d_;
    Side lists_, long_;  // the shorter and the longer side
    Box box_;
    std::pmr::vector<Pair>& pairs_;
    std::pmr::vector<Pair> open_{memory_};
    std::pmr::vector<Keyed> keyed_{memory_}, scratch_{memory_};
    std::pmr::vector<std::uint32_t> positions_{memory_};
    std::vector<Value> point_ = std::vector<Value>(d_);
    std::vector<std::size_t> cells_ = std::vector<std::size_t>(axes_.size());
    Status status_ = Status::complete;
};

}  // namespace

Status merge(const Points& front, const Points& rows, const SweepOrder& order,
             const std::vector<Aggregation>& aggregations, const MergeLimits& limits, const Precedes& precedes,
             Cancel& cancel, const Tuning& tuning, std::pmr::vector<Pair>& pairs) {
    return Sweep(front, rows, order, aggregations, limits, precedes, cancel, tuning, pairs).run();
}

}  // namespace qabwnas

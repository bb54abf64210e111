#include "qabwnas/merge.hpp"

#include <cmath>

#include "qabwnas/archive.hpp"
#include "qabwnas/cells.hpp"
#include "qabwnas/slabs.hpp"
#include "qabwnas/sweep_sort.hpp"

namespace qabwnas {

namespace {

constexpr std::size_t sides[] = {1, 1024, 128, 32, 14, 8, 6, 5};  // of the table at most, by number of axes
constexpr std::size_t fewest_cells = 5, cells_a_pair = 8;

// Few pairs are not worth a large table.
std::size_t side_for(std::size_t n_axes, std::size_t n_pairs) {
    if (n_axes == 0) return 1;
    const double side = std::pow(static_cast<double>(cells_a_pair * n_pairs), 1.0 / static_cast<double>(n_axes));
    return std::clamp(static_cast<std::size_t>(side), fewest_cells, sides[n_axes]);
}

// One coordinate's cells such that the cells of two parts add up to at most the cell of their sum. Differences are
// taken in integers, so a double errs by far less than a cell.
struct Axis {
    Value low_front, low_rows, low_total;
    double scale;
    bool is_max;

    std::int32_t cell(Value value, Value low) const {
        const std::uint64_t above = static_cast<std::uint64_t>(value) - static_cast<std::uint64_t>(low);
        return static_cast<std::int32_t>(static_cast<double>(above) * scale);
    }

    std::size_t cell_of_limit(Value high) const {
        const std::uint64_t above = static_cast<std::uint64_t>(high) - static_cast<std::uint64_t>(low_total);
        return static_cast<std::size_t>(std::min(static_cast<double>(above) * scale, 0x1p30));
    }

    // The lowest cell of which a part's or total's own cell tells that the given total is at most it.
    std::size_t cell_above(Value total) const { return static_cast<std::size_t>(cell(total, low_total)) + 2; }
};

// One side of the pairs: what a look-up of a pair needs, point by point.
struct Side {
    std::size_t n;
    std::vector<Value> first, last;                    // the first sum, the last tested coordinate; or zeros
    std::vector<std::int32_t> cells;                   // over the axes of sums, added up with their strides
    std::vector<std::vector<std::int32_t>> max_cells;  // of each axis of a maximum, times its stride
};

class Sweep {
  public:
    Sweep(const Points& front, const Points& rows, const SweepOrder& order,
          const std::vector<Aggregation>& aggregations, const MergeLimits& limits,
          const std::function<bool(Pair, Pair)>& precedes, Cancel& cancel)
        : front_(front),
          rows_(rows),
          order_(order),
          aggregations_(aggregations),
          limits_(limits),
          precedes_(precedes),
          cancel_(cancel),
          d_(order.size()),
          n_axes_(std::max<std::size_t>(order.n_tested(), 1) - 1),
          table_(n_axes_, side_for(n_axes_, front.n * rows.n)),
          lists_are_rows_(rows.n <= front.n) {
        for (std::size_t axis = 0; axis < n_axes_; ++axis) axes_.push_back(axis_of(order.first_tested() + axis));
        const Side front_side = side_of(front, &Axis::low_front), row_side = side_of(rows, &Axis::low_rows);
        lists_ = lists_are_rows_ ? row_side : front_side;
        long_ = lists_are_rows_ ? front_side : row_side;
    }

    Merged run() {
        if (!close_above_limits()) return {};
        return with_archive(box(), [&](auto archive) {
            sweep(archive);
            return std::move(merged_);
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

    Axis axis_of(std::size_t metric) const {
        const auto [low_a, high_a] = range(front_, metric);
        const auto [low_b, high_b] = range(rows_, metric);
        const auto width = [](Value low, Value high) {
            return static_cast<double>(static_cast<std::uint64_t>(high) - static_cast<std::uint64_t>(low));
        };
        const double most = static_cast<double>(table_.side()) - 2;
        if (aggregations_[metric] == Aggregation::max) {
            const Value low = std::min(low_a, low_b);
            return {low, low, low, most / std::max(width(low, std::max(high_a, high_b)), 1.0), true};
        }
        return {low_a, low_b, low_a + low_b, most / std::max(width(low_a, high_a) + width(low_b, high_b), 1.0), false};
    }

    Side side_of(const Points& points, Value Axis::* low) const {
        Side side{points.n,
                  std::vector<Value>(points.n),
                  std::vector<Value>(points.n),
                  std::vector<std::int32_t>(points.n),
                  {}};
        for (std::size_t i = 0; i < points.n; ++i) {
            if (order_.n_sums > 0) side.first[i] = at(points, i, 0);
            if (order_.n_tested() > 0) side.last[i] = at(points, i, d_ - 1);
        }
        for (std::size_t a = 0; a < n_axes_; ++a) {
            const Axis& axis = axes_[a];
            std::vector<std::int32_t>& cells = axis.is_max ? side.max_cells.emplace_back(points.n) : side.cells;
            const auto stride = static_cast<std::int32_t>(table_.stride(a));
            for (std::size_t i = 0; i < points.n; ++i)
                cells[i] += stride * axis.cell(at(points, i, order_.first_tested() + a), axis.*low);
        }
        return side;
    }

    Box box() const {
        Box box{{}, {}, lists_.n * long_.n};
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
        std::vector<std::size_t> cells(n_axes_, table_.side() - 1);
        for (std::size_t a = 0; a < n_axes_; ++a) {
            const Value high = limits_.high[first + a];
            if (high < axes_[a].low_total) return false;
            cells[a] = std::min(cells[a], axes_[a].cell_of_limit(high) + 1);  // doubles may err by one
        }
        const bool last_is_tested = order_.n_tested() > 0;
        table_.close_above(cells, last_is_tested ? limits_.high[last] : std::numeric_limits<Value>::max() - 1);
        return true;
    }

    template <class Archive>
    void sweep(Archive& archive) {
        // Small slabs leave little open, but each costs a look at every list.
        const std::size_t pairs_a_slab = std::clamp<std::size_t>(lists_.n * long_.n / 128, 128, 1 << 16);
        const Value limit = order_.n_sums > 0 ? limits_.high[0] : 0;
        Slabs slabs(lists_.first, long_.first, pairs_a_slab, limit);
        while (merged_.status == Status::complete && slabs.next()) {
            collect(slabs.runs());
            keep(archive);
        }
    }

    void collect(const std::vector<Run>& runs) {
        open_.clear();
        keyed_.clear();
        for (const Run& run : runs) {
            positions_.resize(std::max(positions_.size(), run.end - run.at));
            const std::size_t n_open = all_sums_ ? open_sums(run) : open_mixed(run);
            for (std::size_t i = 0; i < n_open; ++i) {
                const Value first = lists_.first[run.list] + long_.first[positions_[i]];
                keyed_.push_back({first, static_cast<std::uint32_t>(open_.size())});
                const auto a = static_cast<Index>(run.list), b = static_cast<Index>(positions_[i]);
                open_.push_back(lists_are_rows_ ? Pair{b, a} : Pair{a, b});
            }
        }
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

    // Sorts and tests the open pairs of a slab, keeps what no other covers, and lets the table learn of it.
    template <class Archive>
    void keep(Archive& archive) {
        sweep_sort(keyed_, scratch_, [&](std::uint32_t a, std::uint32_t b) {
            for (std::size_t metric = 1; metric < order_.n_sums; ++metric) {
                const Value x = total(open_[a], metric), y = total(open_[b], metric);
                if (x != y) return x < y;
            }
            return precedes_(open_[a], open_[b]);
        });
        std::vector<Value>& values = merged_.values;
        for (const Keyed& keyed : keyed_) {
            if (cancel_.requested()) {
                merged_.status = Status::cancelled;
                return;
            }
            const Pair& pair = open_[keyed.at];
            load_point(pair);
            if (is_outside() || is_covered(archive)) continue;
            if (merged_.pairs.size() == limits_.max_points) {
                merged_.status = Status::limit;
                return;
            }
            archive.insert(&point_[order_.first_tested()]);
            values.insert(values.end(), point_.begin(), point_.end());
            merged_.pairs.push_back(pair);
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
        for (std::size_t a = 0; a < n_axes_; ++a) cells_[a] = axes_[a].cell_above(point_[order_.first_tested() + a]);
        table_.lower(cells_.data(), order_.n_tested() > 0 ? point_.back() : 0);
    }

    const Points &front_, &rows_;
    const SweepOrder& order_;
    const std::vector<Aggregation>& aggregations_;
    const MergeLimits& limits_;
    const std::function<bool(Pair, Pair)>& precedes_;
    Cancel& cancel_;
    std::size_t d_, n_axes_;
    CellTable table_;
    bool lists_are_rows_;
    bool all_sums_ = order_.n_sums == d_;
    std::vector<Axis> axes_;
    Side lists_, long_;  // the shorter and the longer side
    std::vector<Pair> open_;
    std::vector<Keyed> keyed_, scratch_;
    std::vector<std::uint32_t> positions_;
    std::vector<Value> point_ = std::vector<Value>(d_);
    std::vector<std::size_t> cells_ = std::vector<std::size_t>(n_axes_);
    Merged merged_;
};

}  // namespace

Merged merge(const Points& front, const Points& rows, const SweepOrder& order,
             const std::vector<Aggregation>& aggregations, const MergeLimits& limits,
             const std::function<bool(Pair, Pair)>& precedes, Cancel& cancel) {
    return Sweep(front, rows, order, aggregations, limits, precedes, cancel).run();
}

}  // namespace qabwnas

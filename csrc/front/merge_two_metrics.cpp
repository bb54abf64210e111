#include "front/merge_two_metrics.hpp"

#include <limits>

namespace qabwnas {

namespace {

constexpr std::size_t stride = 8;  // of the sample, and the neighbours that are looked at together
constexpr std::size_t pairs_per_cell = 4;
constexpr Value none = std::numeric_limits<Value>::max();

// So that n more fit. At least doubled: a little more each time would copy all of it each time.
template <class T>
void make_room(std::pmr::vector<T>& values, std::size_t n) {
    if (values.size() + n > values.capacity()) values.reserve(std::max(values.size() + n, 2 * values.capacity()));
}

}  // namespace

Status TwoMetricMerge::run(const Points& front, const Points& rows, const MergeLimits& limits, const Precedes& precedes,
                           Cancel& cancel, std::pmr::vector<Value>& values, std::pmr::vector<Pair>& pairs) {
    Status status = Status::complete;
    lowest_ = none;
    lists_are_rows_ = rows.n <= front.n;
    lists_.assign(lists_are_rows_ ? rows : front);
    long_.assign(lists_are_rows_ ? front : rows);
    Slabs slabs(lists_.x, long_.x, tuning_.two_metric_slab_pairs, limits.high[0], memory_);
    while (status == Status::complete && slabs.advance()) {
        const std::size_t n = trim(slabs.runs());
        if (n == 0) continue;
        make_table(slabs.least(), n);
        collect();
        refine();
        status = keep(limits, precedes, cancel, values, pairs);
    }
    return status;
}

void TwoMetricMerge::Curve::assign(const Points& points) {
    x.resize(points.n);
    y.resize(points.n);
    for (std::size_t i = 0; i < points.n; ++i) {
        x[i] = points.values[2 * i];
        y[i] = points.values[2 * i + 1];
    }
}

// Leaves out what is not below all that was kept: each run's beginning. Returns how many pairs are left.
std::size_t TwoMetricMerge::trim(const std::pmr::vector<Run>& runs) {
    runs_.clear();
    std::size_t n = 0;
    for (Run run : runs) {
        const auto y = long_.y.begin();
        const auto is_dominated = [&](Value longer_y) { return longer_y + lists_.y[run.list] >= lowest_; };
        const auto first = y + static_cast<std::ptrdiff_t>(run.at), last = y + static_cast<std::ptrdiff_t>(run.end);
        run.at = static_cast<std::size_t>(std::partition_point(first, last, is_dominated) - y);
        if (run.at == run.end) continue;
        n += run.end - run.at;
        runs_.push_back(run);
    }
    return n;
}

void TwoMetricMerge::make_table(Value least, std::size_t n) {
    Value most = least;
    for (const Run& run : runs_) most = std::max(most, lists_.x[run.list] + long_.x[run.end - 1]);
    const std::size_t n_cells = n / pairs_per_cell + 1;
    below_.assign(n_cells + 2, none);
    const double low = static_cast<double>(least);
    table_ = {low, static_cast<double>(n_cells) / std::max(static_cast<double>(most) - low, 1.0), below_.data()};
    const Table table = table_;
    for (const Run& run : runs_) {
        const Value list_x = lists_.x[run.list], list_y = lists_.y[run.list];
        for (std::size_t i = std::min(run.at | (stride - 1), run.end - 1); i < run.end; i += stride)
            table.enter(list_x + long_.x[i], list_y + long_.y[i]);
    }
    accumulate();
}

void TwoMetricMerge::accumulate() {
    Value smallest = none;
    for (Value& entry : below_) entry = smallest = std::min(smallest, entry);
}

// Looks at neighbours together, and appends those of them that are below the table.
void TwoMetricMerge::collect() {
    const Table table = table_;
    const Value *x = long_.x.data(), *y = long_.y.data();
    std::size_t n = 0;
    for (const Run& run : runs_) {
        const Value list_x = lists_.x[run.list], list_y = lists_.y[run.list];
        for (std::size_t at = run.at; at < run.end;) {
            const std::size_t end = std::min((at | (stride - 1)) + 1, run.end);
            if (list_y + y[end - 1] >= table.below(list_x + x[at])) {
                at = end;
                continue;
            }
            if (open_.size() < n + stride) open_.resize(std::max(2 * open_.size(), std::size_t{256}));
            Open* open = open_.data();
            for (; at < end; ++at) {
                open[n] = {list_x + x[at], list_y + y[at], run.list << 32 | at};
                n += list_y + y[at] < table.below(list_x + x[at]) ? 1 : 0;
            }
        }
    }
    n_open_ = n;
}

// Lets the table learn from the open pairs, and drops those that are no longer below it.
void TwoMetricMerge::refine() {
    const Table table = table_;
    Open* open = open_.data();
    for (std::size_t i = 0; i < n_open_; ++i) table.enter(open[i].x, open[i].y);
    accumulate();
    std::size_t n = 0;
    for (std::size_t i = 0; i < n_open_; ++i) {
        const Open here = open[i];
        open[n] = here;
        n += here.y < table.below(here.x) ? 1 : 0;
    }
    n_open_ = n;
}

Pair TwoMetricMerge::pair_of(const Open& open) const {
    const auto list = static_cast<Index>(open.list()), at = static_cast<Index>(open.at());
    return lists_are_rows_ ? Pair{at, list} : Pair{list, at};
}

Status TwoMetricMerge::keep(const MergeLimits& limits, const Precedes& precedes, Cancel& cancel,
                            std::pmr::vector<Value>& values, std::pmr::vector<Pair>& pairs) {
    keyed_.clear();
    keyed_.reserve(n_open_);
    make_room(pairs, n_open_);
    make_room(values, 2 * n_open_);
    for (std::size_t i = 0; i < n_open_; ++i) keyed_.push_back({open_[i].x, static_cast<std::uint32_t>(i)});
    sweep_sort(keyed_, scratch_, tuning_, [&](std::uint32_t a, std::uint32_t b) {
        if (open_[a].y != open_[b].y) return open_[a].y < open_[b].y;
        return precedes(pair_of(open_[a]), pair_of(open_[b]));
    });
    const double slack = limits.slack_metric == 1 ? limits.slack : 0;
    for (const Keyed& keyed : keyed_) {
        if (cancel.requested()) return Status::cancelled;
        const Open& open = open_[keyed.at];
        const Value loose = slack > 0 ? open.y + static_cast<Value>(static_cast<double>(open.y) * slack) : open.y;
        if (loose >= lowest_ || open.x > limits.high[0] || open.y > limits.high[1]) continue;
        if (pairs.size() == limits.max_points) return Status::limit;
        lowest_ = open.y;
        values.push_back(open.x);
        values.push_back(open.y);
        pairs.push_back(pair_of(open));
    }
    return Status::complete;
}

}  // namespace qabwnas

#include "qabwnas/front.hpp"

#include <limits>
#include <numeric>

#include "qabwnas/archive.hpp"
#include "qabwnas/combine.hpp"
#include "qabwnas/prune.hpp"

namespace qabwnas {

namespace {

constexpr std::size_t most_joined_pairs = 150;

// The last level as subnets: totals in metric order, sorted in the order of answers.
class Answers {
  public:
    Answers(const Problem& problem, const SweepOrder& order, Combination& combination)
        : n_metrics_(problem.n_metrics()),
          n_(combination.n_points()),
          totals_(combination.take_values()),
          levels_(combination.take_levels()) {
        std::vector<Value> point(n_metrics_);
        for (std::size_t start = 0; start < totals_.size(); start += n_metrics_) {
            for (std::size_t m = 0; m < n_metrics_; ++m) point[order.metrics[m]] = totals_[start + m];
            std::copy(point.begin(), point.end(), totals_.begin() + static_cast<std::ptrdiff_t>(start));
        }
    }

    // Also removes what sweeps have to keep for the sake of ties in maxima: subnets that another is at largest_total.
    void sort_and_remove_dominated() {
        std::vector<std::size_t> sorted(n_);
        std::iota(sorted.begin(), sorted.end(), std::size_t{0});
        std::sort(sorted.begin(), sorted.end(), [&](std::size_t a, std::size_t b) { return precedes(a, b); });
        with_archive(box(), [&](auto archive) {
            std::erase_if(sorted, [&](std::size_t i) {
                const Value* tested = &totals_[i * n_metrics_] + 1;
                if (archive.covers(tested)) return true;
                archive.insert(tested);
                return false;
            });
        });
        totals_ = rows_of(totals_, n_metrics_, sorted);
        levels_.back().pairs = rows_of(levels_.back().pairs, 1, sorted);
        n_ = sorted.size();
    }

    void move_to(Front& front) {
        front.n_points = n_;
        front.totals = std::move(totals_);
        front.levels = std::move(levels_);
    }

  private:
    Box box() const {
        Box box{{}, {}, n_};
        for (std::size_t m = 1; m < n_metrics_; ++m) {
            box.low.push_back(totals_[m]);
            box.high.push_back(totals_[m]);
            for (std::size_t start = m; start < totals_.size(); start += n_metrics_) {
                box.low.back() = std::min(box.low.back(), totals_[start]);
                box.high.back() = std::max(box.high.back(), totals_[start]);
            }
        }
        return box;
    }

    template <class T>
    static std::vector<T> rows_of(const std::vector<T>& matrix, std::size_t n_columns,
                                  const std::vector<std::size_t>& rows) {
        std::vector<T> chosen;
        chosen.reserve(rows.size() * n_columns);
        for (const std::size_t row : rows) {
            const auto first = matrix.begin() + static_cast<std::ptrdiff_t>(row * n_columns);
            chosen.insert(chosen.end(), first, first + static_cast<std::ptrdiff_t>(n_columns));
        }
        return chosen;
    }

    bool precedes(std::size_t a, std::size_t b) const {
        for (std::size_t m = 0; m < n_metrics_; ++m) {
            const Value x = totals_[a * n_metrics_ + m], y = totals_[b * n_metrics_ + m];
            if (x != y) return x < y;
        }
        FirstDifference difference;
        difference.look_back(levels_, static_cast<Index>(a), static_cast<Index>(b));
        return difference.x_precedes();
    }

    std::size_t n_metrics_, n_;
    std::vector<Value> totals_;
    std::vector<Level> levels_;
};

// Upper bounds on partial subnets: those on subnets, less the least that the blocks still to come add.
class Bounds {
  public:
    Bounds(const SweepOrder& order, const std::vector<PrunedBlock>& pruned, const std::vector<Value>& high)
        : n_sums_(order.n_sums) {
        for (const std::size_t m : order.metrics) {
            high_.push_back(std::clamp(high[m], -largest_total, largest_total));
            is_bounded_.push_back(high[m] < largest_total);
        }
        for (const PrunedBlock& block : pruned) {
            std::vector<Value>& least = least_.emplace_back(order.size(), largest_total);
            for (std::size_t i = 0; i < block.values.size(); ++i)
                least[i % order.size()] = std::min(least[i % order.size()], block.values[i]);
            for (std::size_t m = 0; m < n_sums_; ++m)
                if (is_bounded_[m]) high_[m] -= least[m];  // only below the largest total does the difference fit
        }
    }

    // The bounds once some blocks are added.
    std::vector<Value> add(const std::vector<std::size_t>& blocks) {
        for (const std::size_t block : blocks)
            for (std::size_t m = 0; m < n_sums_; ++m)
                if (is_bounded_[m]) high_[m] += least_[block][m];
        return high_;
    }

  private:
    std::size_t n_sums_;
    std::vector<Value> high_;
    std::vector<bool> is_bounded_;
    std::vector<std::vector<Value>> least_;  // of each block, in sweep order
};

// How many points the next block may lead to: each takes its totals, twice while arrays grow, its place in the archive
// and its back-pointers.
std::size_t points_within(std::size_t max_bytes, const Combination& combination, std::size_t n_metrics) {
    const std::size_t a_point = 4 * sizeof(Value) * n_metrics + 32;
    return (max_bytes - std::min(max_bytes, combination.bytes())) / a_point;
}

// The blocks, fewest rows first; neighbours are joined while they make few pairs. A front that grows is then gone over
// less often: what a merge costs are the points that it keeps, much more than the pairs that it looks at.
std::vector<Part> parts_of(const Problem& problem, std::vector<PrunedBlock> pruned, const SweepOrder& order,
                           std::size_t most_pairs, Cancel& cancel) {
    const std::size_t n_blocks = pruned.size();
    std::vector<std::size_t> fewest_first(n_blocks);
    std::iota(fewest_first.begin(), fewest_first.end(), std::size_t{0});
    std::stable_sort(fewest_first.begin(), fewest_first.end(),
                     [&](std::size_t a, std::size_t b) { return pruned[a].rows.size() < pruned[b].rows.size(); });
    std::vector<Value> nothing;
    for (const Aggregation aggregation : problem.aggregations)
        nothing.push_back(aggregation == Aggregation::sum ? 0 : std::numeric_limits<Value>::min());
    const std::vector<Value> unbounded(order.size(), largest_total);
    std::vector<Part> parts;
    for (std::size_t at = 0; at < n_blocks;) {
        Combination joined(problem.aggregations, nothing, order);
        do {
            const std::size_t block = fewest_first[at++];
            joined.add({{block}, std::move(pruned[block].rows), std::move(pruned[block].values)},
                       {unbounded, 0, 0, std::numeric_limits<std::size_t>::max()}, cancel);
        } while (at < n_blocks && joined.n_points() * pruned[fewest_first[at]].rows.size() <= most_pairs);
        parts.push_back(joined.take_part());
    }
    return parts;
}

}  // namespace

Front front(const Problem& problem, const FrontLimits& limits, Cancel& cancel) {
    Front front;
    const bool is_exact = limits.slack == 0;
    const SweepOrder order =
        is_exact ? SweepOrder(problem.aggregations) : SweepOrder::first_metric_last(problem.aggregations);
    std::vector<PrunedBlock> pruned;
    for (const Columns& block : problem.blocks) pruned.push_back(prune(block, order, 1, cancel));
    if (cancel.requested()) {
        front.status = Status::cancelled;
        return front;
    }
    if (*std::min_element(limits.high.begin(), limits.high.end()) < -largest_total) {
        front.status = Status::infeasible;
        return front;
    }

    Bounds bounds(order, pruned, limits.high);
    // With slack, what is left out depends on the order of adding.
    std::vector<Part> parts = parts_of(problem, std::move(pruned), order, is_exact ? most_joined_pairs : 0, cancel);
    Combination combination(problem.aggregations, problem.origin, order);
    for (Part& part : parts) {
        const std::size_t max_points = points_within(limits.max_bytes, combination, problem.n_metrics());
        const MergeLimits merge_limits{bounds.add(part.blocks), limits.slack, order.position(0), max_points};
        front.status = combination.add(std::move(part), merge_limits, cancel);
        front.n_pairs = combination.n_pairs();
        front.n_blocks = combination.n_blocks();
        front.n_points = combination.n_points();
        if (front.status == Status::complete && front.n_points == 0) front.status = Status::infeasible;
        if (front.status != Status::complete) return front;
    }
    Answers answers(problem, order, combination);
    if (!is_exact || order.n_sums < order.size()) answers.sort_and_remove_dominated();
    answers.move_to(front);
    return front;
}

}  // namespace qabwnas

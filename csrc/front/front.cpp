#include "front/front.hpp"

#include <limits>
#include <numeric>

#include "front/combine.hpp"
#include "pareto/dominance_index.hpp"
#include "pareto/prune.hpp"

namespace qabwnas {

namespace {

// The last level as subnets: totals in metric order, sorted in the order of answers.
class Answers {
  public:
    Answers(const Problem& problem, const SweepOrder& order, PartialFront& partial_front, Memory* memory)
        : n_metrics_(problem.n_metrics()),
          n_(partial_front.n_points()),
          memory_(memory),
          totals_(partial_front.take_values()),
          levels_(partial_front.take_levels()) {
        std::vector<Value> point(n_metrics_);
        for (std::size_t start = 0; start < totals_.size(); start += n_metrics_) {
            for (std::size_t m = 0; m < n_metrics_; ++m) point[order.metrics[m]] = totals_[start + m];
            std::copy(point.begin(), point.end(), totals_.begin() + static_cast<std::ptrdiff_t>(start));
        }
    }

    // Also removes subnets that are dominated; sweeps keep some of them because maxima tie.
    void sort(bool removes_dominated, const Tuning& tuning) {
        std::pmr::vector<Index> sorted(n_, memory_);
        std::iota(sorted.begin(), sorted.end(), Index{0});
        std::sort(sorted.begin(), sorted.end(), [&](Index a, Index b) { return precedes(a, b); });
        if (removes_dominated) remove_dominated(sorted, tuning);
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

    void remove_dominated(std::pmr::vector<Index>& sorted, const Tuning& tuning) const {
        with_dominance_index(box(), tuning, memory_, [&](auto index) {
            std::erase_if(sorted, [&](Index i) {
                const Value* tested = totals_.data() + static_cast<std::size_t>(i) * n_metrics_ + 1;
                if (index.dominates(tested)) return true;
                index.insert(tested);
                return false;
            });
        });
    }

    template <class T>
    static std::pmr::vector<T> rows_of(const std::pmr::vector<T>& matrix, std::size_t n_columns,
                                       const std::pmr::vector<Index>& rows) {
        std::pmr::vector<T> chosen(matrix.get_allocator());
        chosen.reserve(rows.size() * n_columns);
        for (const Index row : rows) {
            const auto first =
                matrix.begin() + static_cast<std::ptrdiff_t>(row) * static_cast<std::ptrdiff_t>(n_columns);
            chosen.insert(chosen.end(), first, first + static_cast<std::ptrdiff_t>(n_columns));
        }
        return chosen;
    }

    bool precedes(Index a, Index b) const {
        const Value* x = &totals_[static_cast<std::size_t>(a) * n_metrics_];
        const Value* y = &totals_[static_cast<std::size_t>(b) * n_metrics_];
        for (std::size_t m = 0; m < n_metrics_; ++m)
            if (x[m] != y[m]) return x[m] < y[m];
        FirstDifference difference;
        difference.look_back(levels_, a, b);
        return difference.x_precedes();
    }

    std::size_t n_metrics_, n_;
    Memory* memory_;
    std::pmr::vector<Value> totals_;
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

// About how many totals a sum can have, up to `enough`: at most as many as there are choices of the blocks' different
// values, and as fit into their range at the distance that divides all their differences.
double n_totals_of(const std::vector<PrunedBlock>& pruned, std::size_t n_metrics, std::size_t position, double enough) {
    double n_choices = 1, range = 0, n_totals = 1;
    std::uint64_t unit = 0;
    for (const PrunedBlock& block : pruned) {
        std::pmr::vector<Value> values(block.values.get_allocator());
        values.reserve(block.rows.size());
        for (std::size_t at = position; at < block.values.size(); at += n_metrics) values.push_back(block.values[at]);
        std::sort(values.begin(), values.end());
        values.erase(std::unique(values.begin(), values.end()), values.end());
        for (const Value value : values) unit = std::gcd(unit, above(value, values[0]));
        n_choices *= static_cast<double>(values.size());
        range += static_cast<double>(above(values.back(), values[0]));
        n_totals = std::min(n_choices, unit == 0 ? 1.0 : range / static_cast<double>(unit) + 1);
        if (n_totals >= enough) return enough;  // it grows with every block
    }
    return n_totals;
}

// The order with the first sums by how many totals they can have: those with enough in their order, then the others,
// the fewest last. Sweeps go by the first, indexes have cells of the next, and the last is compared exactly anyway.
SweepOrder many_totals_first(SweepOrder order, std::size_t n_leading, const std::vector<PrunedBlock>& pruned,
                             const Tuning& tuning) {
    std::vector<std::pair<double, std::size_t>> sums;
    for (std::size_t position = 0; position < n_leading; ++position)
        sums.emplace_back(n_totals_of(pruned, order.size(), position, static_cast<double>(tuning.enough_totals)),
                          order.metrics[position]);
    std::stable_sort(sums.begin(), sums.end(), [](const auto& a, const auto& b) { return a.first > b.first; });
    for (std::size_t position = 0; position < n_leading; ++position) order.metrics[position] = sums[position].second;
    return order;
}

// Puts the values and rows of a block in one sweep order into another.
void reorder(PrunedBlock& block, const SweepOrder& from, const SweepOrder& to) {
    const std::size_t d = from.size(), n = block.rows.size();
    const auto allocator = block.values.get_allocator();
    std::pmr::vector<std::size_t> sorted(n, allocator);
    std::iota(sorted.begin(), sorted.end(), std::size_t{0});
    std::vector<std::size_t> columns;  // where the metrics of the new order stand in the old one
    for (const std::size_t metric : to.metrics) columns.push_back(from.position(metric));
    std::sort(sorted.begin(), sorted.end(), [&](std::size_t a, std::size_t b) {
        for (std::size_t i = 0; i < to.n_sums; ++i) {
            const Value x = block.values[a * d + columns[i]], y = block.values[b * d + columns[i]];
            if (x != y) return x < y;
        }
        return block.rows[a] < block.rows[b];
    });
    std::pmr::vector<Index> rows(allocator);
    std::pmr::vector<Value> values(allocator);
    rows.reserve(n);
    values.reserve(n * d);
    for (const std::size_t at : sorted) {
        rows.push_back(block.rows[at]);
        for (const std::size_t column : columns) values.push_back(block.values[at * d + column]);
    }
    block.rows = std::move(rows);
    block.values = std::move(values);
}

class Builder {
  public:
    Builder(const Problem& problem, const FrontLimits& limits, Cancel& cancel, const Tuning& tuning, Front& front)
        : problem_(problem),
          limits_(limits),
          is_exact_(limits.slack == 0),
          order_(is_exact_ ? SweepOrder(problem.aggregations) : SweepOrder::first_metric_last(problem.aggregations)),
          cancel_(cancel),
          tuning_(tuning),
          memory_(*front.memory),
          front_(front) {}

    void run() {
        std::vector<PrunedBlock> pruned = prune_blocks();
        if (cancel_.requested()) {
            front_.status = Status::cancelled;
            return;
        }
        if (*std::min_element(limits_.high.begin(), limits_.high.end()) < -largest_total) {
            front_.status = Status::infeasible;
            return;
        }
        Bounds bounds(order_, pruned, limits_.high);
        std::vector<JoinedBlocks> all = join_blocks(std::move(pruned));
        PartialFront partial_front(problem_.aggregations, problem_.origin, order_, tuning_, &memory_);
        for (JoinedBlocks& joined : all) {
            if (cancel_.requested()) front_.status = Status::cancelled;  // joined blocks may be cut short
            if (front_.status != Status::complete) return;
            add(std::move(joined), bounds, partial_front);
        }
        if (front_.status != Status::complete) return;
        Answers answers(problem_, order_, partial_front, &memory_);
        const bool may_hold_dominated = !is_exact_ || order_.n_sums < order_.size();
        if (may_hold_dominated || order_ != SweepOrder(problem_.aggregations))
            answers.sort(may_hold_dominated, tuning_);
        answers.move_to(front_);
    }

  private:
    // In the order that suits them, which they set.
    std::vector<PrunedBlock> prune_blocks() {
        std::vector<PrunedBlock> pruned;
        for (const Columns& block : problem_.blocks)
            pruned.push_back(prune(block, order_, 1, cancel_, tuning_, &memory_));
        // Over two sums a front has as many points whichever sum leads. With slack, the objective stays after all
        // others.
        const bool keeps_objective = !is_exact_ && problem_.aggregations[0] == Aggregation::sum;
        const std::size_t n_leading = order_.n_sums - (keeps_objective ? 1 : 0);
        if (cancel_.requested() || order_.size() < 3 || n_leading < 2) return pruned;
        const SweepOrder order = many_totals_first(order_, n_leading, pruned, tuning_);
        if (order == order_) return pruned;
        tuning_.count(&PathCounts::reordered_sweeps);
        for (PrunedBlock& block : pruned) reorder(block, order_, order);
        order_ = order;
        return pruned;
    }

    // The blocks, fewest rows first; neighbours are joined while they make few pairs. A growing front is then merged
    // less often: a merge costs what it keeps, much more than the pairs that it looks at. With slack none are joined,
    // because what is left out depends on the order of adding.
    std::vector<JoinedBlocks> join_blocks(std::vector<PrunedBlock> pruned) {
        const std::size_t n_blocks = pruned.size(), most_pairs = is_exact_ ? tuning_.most_joined_pairs : 0;
        std::vector<std::size_t> fewest_first(n_blocks);
        std::iota(fewest_first.begin(), fewest_first.end(), std::size_t{0});
        std::stable_sort(fewest_first.begin(), fewest_first.end(),
                         [&](std::size_t a, std::size_t b) { return pruned[a].rows.size() < pruned[b].rows.size(); });
        std::vector<Value> nothing;
        for (const Aggregation aggregation : problem_.aggregations)
            nothing.push_back(aggregation == Aggregation::sum ? 0 : std::numeric_limits<Value>::min());
        // No more points than a block has rows, or than few pairs make: their number needs no limit.
        constexpr std::size_t any = std::numeric_limits<std::size_t>::max();
        const MergeLimits unlimited_merge{std::vector<Value>(order_.size(), largest_total), 0, 0, any,
                                          tuning_.most_open_pairs};
        std::vector<JoinedBlocks> joined;
        for (std::size_t at = 0; at < n_blocks && !cancel_.requested();) {
            PartialFront front(problem_.aggregations, nothing, order_, tuning_, &memory_);
            do {
                const std::size_t block = fewest_first[at++];
                if (front.n_blocks() > 0) tuning_.count(&PathCounts::joined_blocks);
                front.add({{block}, std::move(pruned[block].rows), std::move(pruned[block].values)}, unlimited_merge,
                          cancel_);
            } while (at < n_blocks && front.n_points() * pruned[fewest_first[at]].rows.size() <= most_pairs &&
                     !cancel_.requested());
            if (!cancel_.requested()) joined.push_back(front.take_joined_blocks());
        }
        return joined;
    }

    void add(JoinedBlocks joined, Bounds& bounds, PartialFront& partial_front) {
        // A slab may leave open a share of the memory that is left: a pair takes about 64 bytes until it is kept.
        constexpr std::size_t share = 8, bytes_per_pair = 64, fewest_open = 1024;
        const std::size_t most_open =
            std::min(tuning_.most_open_pairs, std::max(fewest_open, memory_.left() / (share * bytes_per_pair)));
        const MergeLimits merge_limits{bounds.add(joined.blocks), limits_.slack, order_.position(0),
                                       tuning_.most_points, most_open};
        front_.n_blocks += joined.blocks.size();
        try {
            front_.status = partial_front.add(std::move(joined), merge_limits, cancel_);
        } catch (const MemoryLimitReached&) {
            front_.status = Status::limit;
        }
        front_.n_pairs = partial_front.n_pairs();
        front_.n_points = front_.status == Status::complete ? partial_front.n_points() : partial_front.n_found();
        if (front_.status == Status::complete && front_.n_points == 0) front_.status = Status::infeasible;
    }

    const Problem& problem_;
    const FrontLimits& limits_;
    bool is_exact_;
    SweepOrder order_;
    Cancel& cancel_;
    const Tuning& tuning_;
    MemoryLimit& memory_;
    Front& front_;
};

}  // namespace

Front front(const Problem& problem, const FrontLimits& limits, Cancel& cancel, const Tuning& tuning) {
    Front front;
    front.memory = std::make_shared<MemoryLimit>(limits.max_bytes);
    try {
        Builder(problem, limits, cancel, tuning, front).run();
    } catch (const MemoryLimitReached&) {  // outside of a merge
        front.status = Status::limit;
    }
    return front;
}

}  // namespace qabwnas

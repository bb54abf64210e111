#include "front/merge.hpp"

#include <limits>

#include "front/pair_table.hpp"
#include "front/slabs.hpp"
#include "pareto/dominance_index.hpp"
#include "pareto/sweep_sort.hpp"

namespace qabwnas {

namespace {

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
          table_(front, rows, order, aggregations, tuning, memory_),
          box_(table_.box()),
          pairs_(pairs) {}

    Status run() {
        if (!table_.close_above(limits_.high)) return Status::complete;
        return with_dominance_index(box_, tuning_, memory_, [&](auto index) {
            sweep(index);
            return status_;
        });
    }

  private:
    Value at(const Points& points, std::size_t i, std::size_t metric) const { return points.values[i * d_ + metric]; }

    template <class DominanceIndex>
    void sweep(DominanceIndex& index) {
        // Small slabs leave little open, but each costs a look at every list.
        const std::size_t pairs_per_slab =
            std::clamp(front_.n * rows_.n / 128, tuning_.fewest_slab_pairs, tuning_.most_slab_pairs);
        const Value limit = order_.n_sums > 0 ? limits_.high[0] : 0;
        Slabs slabs(table_.lists(), table_.longer(), pairs_per_slab, limit, memory_);
        while (status_ == Status::complete && slabs.advance()) {
            collect(slabs.runs(), index);
            keep(index);
        }
    }

    // Lists the open pairs of a slab. If they become too many, what is dominated goes; if that does not help, again
    // only after they have doubled.
    template <class DominanceIndex>
    void collect(const std::pmr::vector<Run>& runs, const DominanceIndex& kept) {
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
        const std::size_t n_open = table_.open_pairs(run, positions_.data());
        for (std::size_t i = 0; i < n_open; ++i)
            open(table_.pair_of(run.list, positions_[i]), table_.lists()[run.list] + table_.longer()[positions_[i]]);
    }

    void open(const Pair& pair, Value first) {
        keyed_.push_back({first, static_cast<std::uint32_t>(open_.size())});
        open_.push_back(pair);
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

    // Drops open pairs of a slab that kept points, or open ones before them, are at most. The table does not learn from
    // open pairs: pairs of the same first sum may still come before them.
    template <class DominanceIndex>
    void reduce(const DominanceIndex& kept) {
        tuning_.count(&PathCounts::slab_reductions);
        sort_open();
        std::pmr::vector<Pair> left(memory_);
        with_dominance_index(box_, tuning_, memory_, [&](auto index) {
            for (const Keyed& keyed : keyed_) {
                if (cancel_.requested()) status_ = Status::cancelled;
                if (status_ != Status::complete) return;
                load_point(open_[keyed.at]);
                const Value* const tested = point_.data() + order_.first_tested();
                if (is_outside() || kept.dominates(tested) || index.dominates(tested)) continue;
                index.insert(tested);
                left.push_back(open_[keyed.at]);
            }
        });
        open_.clear();
        keyed_.clear();
        for (const Pair& pair : left) open(pair, order_.n_sums > 0 ? total(pair, 0) : 0);
    }

    // Sorts and tests the open pairs of a slab, and keeps what no other dominates; the table learns from it.
    template <class DominanceIndex>
    void keep(DominanceIndex& index) {
        if (status_ != Status::complete) return;
        sort_open();
        for (const Keyed& keyed : keyed_) {
            if (cancel_.requested()) {
                status_ = Status::cancelled;
                return;
            }
            const Pair& pair = open_[keyed.at];
            load_point(pair);
            if (is_outside() || is_dominated(index)) continue;
            if (pairs_.size() == limits_.max_points) {
                status_ = Status::limit;
                return;
            }
            index.insert(point_.data() + order_.first_tested());
            pairs_.push_back(pair);
            table_.learn(point_);
        }
    }

    bool is_outside() const {
        for (std::size_t metric = 0; metric < d_; ++metric)
            if (point_[metric] > limits_.high[metric]) return true;
        return false;
    }

    // With slack, one coordinate is tested as if it were larger.
    template <class DominanceIndex>
    bool is_dominated(const DominanceIndex& index) {
        Value& loose = point_[limits_.slack_metric];
        const Value value = loose;
        if (limits_.slack > 0) loose += static_cast<Value>(static_cast<double>(value) * limits_.slack);
        const bool dominated = index.dominates(point_.data() + order_.first_tested());
        loose = value;
        return dominated;
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
    PairTable table_;
    Box box_;
    std::pmr::vector<Pair>& pairs_;
    std::pmr::vector<Pair> open_{memory_};
    std::pmr::vector<Keyed> keyed_{memory_}, scratch_{memory_};
    std::pmr::vector<std::uint32_t> positions_{memory_};
    std::vector<Value> point_ = std::vector<Value>(d_);
    Status status_ = Status::complete;
};

}  // namespace

Status merge(const Points& front, const Points& rows, const SweepOrder& order,
             const std::vector<Aggregation>& aggregations, const MergeLimits& limits, const Precedes& precedes,
             Cancel& cancel, const Tuning& tuning, std::pmr::vector<Pair>& pairs) {
    return Sweep(front, rows, order, aggregations, limits, precedes, cancel, tuning, pairs).run();
}

}  // namespace qabwnas

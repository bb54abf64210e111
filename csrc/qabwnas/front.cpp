#include "qabwnas/front.hpp"

#include <numeric>

#include "qabwnas/archive.hpp"
#include "qabwnas/combine.hpp"
#include "qabwnas/prune.hpp"

namespace qabwnas {

namespace {

// The last level as subnets: totals in metric order, sorted in the order of answers.
class Answers {
  public:
    Answers(const Problem& problem, const SweepOrder& order, const Combination& combination)
        : n_metrics_(problem.n_metrics()), n_blocks_(problem.n_blocks()) {
        const Level& level = combination.last();
        totals_.resize(level.size() * n_metrics_);
        choice_.resize(level.size() * n_blocks_);
        for (std::size_t i = 0; i < level.size(); ++i) {
            for (std::size_t m = 0; m < n_metrics_; ++m)
                totals_[i * n_metrics_ + order.metrics[m]] = level.values[i * n_metrics_ + m];
            combination.choose(i, &choice_[i * n_blocks_]);
        }
        sorted_.resize(level.size());
        std::iota(sorted_.begin(), sorted_.end(), std::size_t{0});
        const auto before = [&](std::size_t a, std::size_t b) { return precedes(a, b); };
        if (!std::is_sorted(sorted_.begin(), sorted_.end(), before)) std::sort(sorted_.begin(), sorted_.end(), before);
    }

    // Removes what the sweeps had to keep for the sake of ties in maxima: subnets that another is at most.
    void remove_dominated() {
        Box box;
        for (std::size_t m = 1; m < n_metrics_; ++m) {
            box.low.push_back(totals_[m]);
            box.high.push_back(totals_[m]);
            for (std::size_t start = m; start < totals_.size(); start += n_metrics_) {
                box.low.back() = std::min(box.low.back(), totals_[start]);
                box.high.back() = std::max(box.high.back(), totals_[start]);
            }
        }
        with_archive(box, [&](auto archive) {
            std::erase_if(sorted_, [&](std::size_t i) {
                const Value* tested = &totals_[i * n_metrics_] + 1;
                if (archive.covers(tested)) return true;
                archive.insert(tested);
                return false;
            });
        });
    }

    void write(Subnets& subnets) const {
        subnets.totals.reserve(sorted_.size() * n_metrics_);
        subnets.choice.reserve(sorted_.size() * n_blocks_);
        for (const std::size_t i : sorted_) {
            const auto total = totals_.begin() + static_cast<std::ptrdiff_t>(i * n_metrics_);
            const auto chosen = choice_.begin() + static_cast<std::ptrdiff_t>(i * n_blocks_);
            subnets.totals.insert(subnets.totals.end(), total, total + static_cast<std::ptrdiff_t>(n_metrics_));
            subnets.choice.insert(subnets.choice.end(), chosen, chosen + static_cast<std::ptrdiff_t>(n_blocks_));
        }
    }

  private:
    bool precedes(std::size_t a, std::size_t b) const {
        for (std::size_t m = 0; m < n_metrics_; ++m) {
            const Value x = totals_[a * n_metrics_ + m], y = totals_[b * n_metrics_ + m];
            if (x != y) return x < y;
        }
        return std::lexicographical_compare(&choice_[a * n_blocks_], &choice_[a * n_blocks_] + n_blocks_,
                                            &choice_[b * n_blocks_], &choice_[b * n_blocks_] + n_blocks_);
    }

    std::size_t n_metrics_, n_blocks_;
    std::vector<Value> totals_;
    std::vector<Index> choice_;
    std::vector<std::size_t> sorted_;
};

}  // namespace

Subnets front(const Problem& problem, std::size_t max_points, Cancel& cancel) {
    Subnets subnets;
    const SweepOrder order(problem.aggregations);
    std::vector<PrunedBlock> pruned;
    for (const Columns& block : problem.blocks) pruned.push_back(prune(block, order, 1, cancel));
    if (cancel.requested()) {
        subnets.status = Status::cancelled;
        return subnets;
    }

    std::vector<std::size_t> fewest_first(problem.n_blocks());
    std::iota(fewest_first.begin(), fewest_first.end(), std::size_t{0});
    std::stable_sort(fewest_first.begin(), fewest_first.end(),
                     [&](std::size_t a, std::size_t b) { return pruned[a].rows.size() < pruned[b].rows.size(); });

    Combination combination(problem, order);
    for (const std::size_t block : fewest_first) {
        subnets.status = combination.add(block, pruned[block], {{}, 0, max_points}, cancel);
        subnets.n_pairs = combination.n_pairs();
        if (subnets.status != Status::complete) return subnets;
    }
    Answers answers(problem, order, combination);
    if (order.n_sums < order.size()) answers.remove_dominated();
    answers.write(subnets);
    return subnets;
}

}  // namespace qabwnas

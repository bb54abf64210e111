#include "qabwnas/top.hpp"

#include <chrono>
#include <limits>
#include <memory>
#include <numeric>

#include "qabwnas/branch_and_bound.hpp"
#include "qabwnas/lagrangian.hpp"
#include "qabwnas/linear_search.hpp"
#include "qabwnas/prune.hpp"

namespace qabwnas {

namespace {

constexpr Value unlimited = std::numeric_limits<Value>::max();

// Puts the values of a pruned block back into metric order.
void to_metric_order(PrunedBlock& block, const SweepOrder& order) {
    const std::size_t d = order.size();
    std::vector<Value> row(d);
    for (std::size_t start = 0; start < block.values.size(); start += d) {
        for (std::size_t i = 0; i < d; ++i) row[order.metrics[i]] = block.values[start + i];
        std::copy(row.begin(), row.end(), block.values.begin() + static_cast<std::ptrdiff_t>(start));
    }
}

// Drops rows that no choice of the other blocks keeps within every budget, and returns whether all blocks have some
// left. Values are in metric order. Pruning first finds the same: rows that remove a usable one are usable.
bool drop_unusable(std::vector<PrunedBlock>& blocks, const Problem& problem, const std::vector<Value>& budgets) {
    const std::size_t d = problem.n_metrics();
    for (std::size_t m = 0; m < d; ++m) {
        if (budgets[m] == unlimited) continue;
        const bool sums = problem.aggregations[m] == Aggregation::sum;
        Value least = problem.origin[m];  // of all totals
        std::vector<Value> smallest(blocks.size(), unlimited);
        for (std::size_t b = 0; b < blocks.size(); ++b) {
            for (std::size_t at = m; at < blocks[b].values.size(); at += d)
                smallest[b] = std::min(smallest[b], blocks[b].values[at]);
            least = combine(problem.aggregations[m], least, smallest[b]);
        }
        if (least > budgets[m]) return false;
        for (std::size_t b = 0; b < blocks.size(); ++b) {
            const Value room = sums ? budgets[m] - least + smallest[b] : budgets[m];
            PrunedBlock& block = blocks[b];
            std::size_t n = 0;
            for (std::size_t i = 0; i < block.rows.size(); ++i) {
                if (block.values[i * d + m] > room) continue;
                block.rows[n] = block.rows[i];
                std::copy_n(&block.values[i * d], d, &block.values[n * d]);
                ++n;
            }
            block.rows.resize(n);
            block.values.resize(n * d);
        }
    }
    return std::all_of(blocks.begin(), blocks.end(), [](const PrunedBlock& block) { return !block.rows.empty(); });
}

// Some rows of a block, pruned to the k-skyband.
PrunedBlock prune_some(const Columns& block, const std::vector<Index>& rows, const SweepOrder& order, std::size_t k,
                       Cancel& cancel) {
    std::vector<Value> values;
    values.reserve(order.size() * rows.size());
    for (std::size_t m = 0; m < order.size(); ++m)
        for (const Index row : rows) values.push_back(block.at(m, static_cast<std::size_t>(row)));
    PrunedBlock pruned = prune({values.data(), rows.size(), rows.size()}, order, k, cancel);
    for (Index& row : pruned.rows) row = rows[static_cast<std::size_t>(row)];
    return pruned;
}

// Finds the answers, and keeps count of what the limits allow.
class Search {
  public:
    Search(const Problem& problem, const std::vector<Value>& budgets, const TopLimits& limits, Cancel& cancel)
        : problem_(problem),
          budgets_(budgets),
          order_(problem.aggregations),
          nodes_left_(limits.max_nodes),
          deadline_([end = Clock::now() + duration(limits.max_seconds)] { return Clock::now() >= end; }),
          cancel_(cancel) {}

    Top run(std::size_t k, std::size_t distance) {
        // Of the k best, all but the first may take rows that another removes; but few rows matter then, as prices
        // tell.
        const bool has_prices = k > 1 && distance == 1 && problem_.aggregations[0] == Aggregation::sum;
        std::vector<PrunedBlock> blocks;
        for (const Columns& block : problem_.blocks)
            blocks.push_back(prune(block, order_, has_prices ? 1 : k, cancel_));
        if (cancel_.requested()) return without_answer(Status::cancelled);  // blocks may be cut short
        if (!make_usable(blocks)) return without_answer(Status::infeasible);
        if (distance > 1) return apart(std::move(blocks), k, distance);
        BestAnswers best(k);
        if (!has_prices) return proved(std::move(blocks), best);

        const Lagrangian lagrangian(blocks, problem_.aggregations, problem_.origin, budgets_, cancel_);
        const Top first = proved(std::move(blocks), best);
        if (first.status != Status::complete) return first;
        blocks = skyband(lagrangian, best);
        if (cancel_.requested()) return without_answer(Status::cancelled);
        make_usable(blocks);
        return proved(std::move(blocks), best);
    }

  private:
    using Clock = std::chrono::steady_clock;

    static Clock::duration duration(double seconds) {
        constexpr double longest = 1e9;  // more would not fit the clock
        return std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(std::min(seconds, longest)));
    }

    bool make_usable(std::vector<PrunedBlock>& blocks) const {
        for (PrunedBlock& block : blocks) to_metric_order(block, order_);
        return drop_unusable(blocks, problem_, budgets_);
    }

    // What the k best subnets may take: rows that prices do not exclude, given k subnets, pruned to the k-skyband.
    std::vector<PrunedBlock> skyband(const Lagrangian& lagrangian, const BestAnswers& best) {
        std::vector<PrunedBlock> blocks;
        std::vector<Index> rows;
        for (std::size_t b = 0; b < problem_.n_blocks(); ++b) {
            const Columns& block = problem_.blocks[b];
            rows.clear();
            for (std::size_t row = 0; row < block.n_rows; ++row)
                if (!best.are_complete() || !lagrangian.is_above(best.worst().totals[0], b, block, row))
                    rows.push_back(static_cast<Index>(row));
            blocks.push_back(prune_some(block, rows, order_, best.k(), cancel_));
        }
        return blocks;
    }

    // Linear relaxations hold several budgets together, and want sums; staircases are exact for one budget, which makes
    // no difference to the best subnet, but to many.
    std::unique_ptr<TreeSearch> tree_search(std::vector<PrunedBlock> blocks, std::size_t k) {
        std::size_t n_budgets = 0;
        for (std::size_t m = 1; m < problem_.n_metrics(); ++m)
            n_budgets += problem_.aggregations[m] == Aggregation::sum && budgets_[m] != unlimited ? 1 : 0;
        if (problem_.aggregations[0] == Aggregation::sum && n_budgets > (k == 1 ? 0 : 1))
            return std::make_unique<LinearSearch>(problem_, budgets_, blocks, deadline_, cancel_);
        return std::make_unique<BranchAndBound>(problem_, budgets_, std::move(blocks), deadline_, cancel_);
    }

    Top proved(std::vector<PrunedBlock> blocks, BestAnswers& best) {
        const std::unique_ptr<TreeSearch> search = tree_search(std::move(blocks), best.k());
        const Status status = search->search(best, {}, nodes_left_);
        count(search->n_nodes());
        return result(status, {best.all().begin(), best.all().end()}, search->open_bound());
    }

    Top apart(std::vector<PrunedBlock> blocks, std::size_t k, std::size_t distance) {
        const std::unique_ptr<TreeSearch> search = tree_search(std::move(blocks), k);
        Apart found{{}, distance};
        Status status = Status::complete;
        while (found.answers.size() < k && status == Status::complete) {
            const std::size_t n_before = search->n_nodes();
            BestAnswers best(1);
            status = search->search(best, found, nodes_left_);
            count(search->n_nodes() - n_before);
            if (best.all().empty()) break;
            found.answers.push_back(best.worst());
        }
        // What was not looked at may be better than the first answer only while that is searched for.
        const Value open = found.answers.size() > 1 ? found.answers[0].totals[0] : search->open_bound();
        return result(status, found.answers, open);
    }

    void count(std::size_t n_nodes) {
        n_nodes_ += n_nodes;
        nodes_left_ -= std::min(nodes_left_, n_nodes);
    }

    static Top without_answer(Status status) {
        Top none;
        none.status = status;
        return none;
    }

    Top result(Status status, const std::vector<Answer>& answers, Value open_bound) const {
        Top top;
        top.status = status == Status::complete && answers.empty() ? Status::infeasible : status;
        top.bound = answers.empty() ? open_bound : std::min(open_bound, answers[0].totals[0]);
        top.n_pairs = n_nodes_;
        for (const Answer& answer : answers) {
            top.totals.insert(top.totals.end(), answer.totals.begin(), answer.totals.end());
            top.choice.insert(top.choice.end(), answer.choice.begin(), answer.choice.end());
        }
        return top;
    }

    const Problem& problem_;
    const std::vector<Value>& budgets_;
    const SweepOrder order_;
    std::size_t nodes_left_, n_nodes_ = 0;
    Cancel deadline_;
    Cancel& cancel_;
};

}  // namespace

Top top(const Problem& problem, const std::vector<Value>& budgets, std::size_t k, std::size_t distance,
        const TopLimits& limits, Cancel& cancel) {
    return Search(problem, budgets, limits, cancel).run(k, distance);
}

}  // namespace qabwnas

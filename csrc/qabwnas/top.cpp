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
        BestAnswers best(k);
        std::vector<PrunedBlock> blocks;
        if (distance == 1 && pricing_pays(k)) blocks = priced(best);
        if (blocks.empty())
            for (const Columns& block : problem_.blocks) blocks.push_back(prune(block, order_, k, cancel_));
        if (cancel_.requested()) return without_answer(Status::cancelled);  // blocks may be cut short
        if (!make_usable(blocks)) return without_answer(Status::infeasible);
        return distance == 1 ? proved(std::move(blocks), best) : apart(std::move(blocks), k, distance);
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

    // Pruning by one cost is quicker than finding prices, but of many rows by several costs, or to a k-skyband, it is
    // not.
    bool pricing_pays(std::size_t k) const {
        constexpr std::size_t many_rows = 2048;
        std::size_t n_rows = 0;
        for (const Columns& block : problem_.blocks) n_rows += block.n_rows;
        return problem_.aggregations[0] == Aggregation::sum && (k > 1 || (n_budgets() > 1 && n_rows >= many_rows));
    }

    // What the k best subnets may take, pruned to the k-skyband: rows that prices do not exclude, given k good subnets.
    // Prices come from a sample of the rows; subnets, and better prices, from a core of rows that are cheap at these.
    std::vector<PrunedBlock> priced(BestAnswers& best) {
        std::vector<std::vector<Index>> rows;
        for (const Columns& block : problem_.blocks) rows.push_back(sampled_rows(block));
        std::vector<PrunedBlock> blocks = pruned(rows, 1);
        if (cancel_.requested() || !make_usable(blocks)) return {};
        const Lagrangian first(problem_, budgets_,
                               LinearSearch(problem_, budgets_, blocks, deadline_, cancel_).unit_prices());
        for (std::size_t b = 0; b < rows.size(); ++b) {
            rows[b] = first.cheap_rows(b, 24 + 4 * best.k());
            for (const Index row : blocks[b].rows) rows[b].push_back(row);
            std::sort(rows[b].begin(), rows[b].end());
            rows[b].erase(std::unique(rows[b].begin(), rows[b].end()), rows[b].end());
        }
        blocks = pruned(rows, 1);
        if (cancel_.requested() || !make_usable(blocks)) return {};
        constexpr std::size_t few_nodes = 64;
        const std::vector<double> unit_prices =
            LinearSearch(problem_, budgets_, blocks, deadline_, cancel_).unit_prices();
        const std::unique_ptr<TreeSearch> core = tree_search(std::move(blocks), best.k());
        core->search(best, {}, std::min(nodes_left_, few_nodes * best.k()));
        count(core->n_nodes());
        if (!best.are_complete()) return {};
        const Lagrangian second(problem_, budgets_, unit_prices);
        for (std::size_t b = 0; b < rows.size(); ++b) rows[b] = second.rows_within(b, best.worst().totals[0]);
        return pruned(rows, best.k());
    }

    std::vector<PrunedBlock> pruned(const std::vector<std::vector<Index>>& rows, std::size_t k) {
        std::vector<PrunedBlock> blocks;
        for (std::size_t b = 0; b < rows.size(); ++b)
            blocks.push_back(prune_some(problem_.blocks[b], rows[b], order_, k, cancel_));
        return blocks;
    }

    // Rows spread over a block, and those that are least in a metric, so that what is feasible by them is feasible.
    std::vector<Index> sampled_rows(const Columns& block) const {
        constexpr std::size_t n_spread = 64;
        std::vector<Index> rows;
        for (std::size_t i = 0; i < std::min(n_spread, block.n_rows); ++i)
            rows.push_back(static_cast<Index>(i * block.n_rows / std::min(n_spread, block.n_rows)));
        for (std::size_t m = 0; m < problem_.n_metrics(); ++m) {
            const Value* column = block.column(m);
            rows.push_back(static_cast<Index>(std::min_element(column, column + block.n_rows) - column));
        }
        std::sort(rows.begin(), rows.end());
        rows.erase(std::unique(rows.begin(), rows.end()), rows.end());
        return rows;
    }

    std::size_t n_budgets() const {
        std::size_t n = 0;
        for (std::size_t m = 1; m < problem_.n_metrics(); ++m) n += is_budgeted_sum(problem_, budgets_, m) ? 1 : 0;
        return n;
    }

    // Linear relaxations hold several budgets together, and want sums; staircases are exact for one budget, which makes
    // no difference to the best subnet, but to many.
    std::unique_ptr<TreeSearch> tree_search(std::vector<PrunedBlock> blocks, std::size_t k) {
        if (problem_.aggregations[0] == Aggregation::sum && n_budgets() > (k == 1 ? 0 : 1))
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

#include "solve/top.hpp"

#include <chrono>
#include <memory>

#include "pareto/prune.hpp"
#include "solve/lagrangian_pricing.hpp"
#include "solve/presolve.hpp"
#include "solve/tree_search.hpp"

namespace qabwnas {

namespace {

// Finds the answers, and keeps count of what the limits allow.
class Search {
  public:
    Search(const Problem& problem, const std::vector<Value>& budgets, const TopLimits& limits, Cancel& cancel,
           const Tuning& tuning)
        : problem_(problem),
          budgets_(budgets),
          order_(problem.aggregations),
          nodes_left_(limits.max_nodes),
          deadline_([end = Clock::now() + duration(limits.max_seconds)] { return Clock::now() >= end; }),
          cancel_(cancel),
          tuning_(tuning) {}

    Top run(std::size_t k, std::size_t distance) {
        BestAnswers best(k);
        std::vector<PrunedBlock> blocks;
        if (distance == 1 && pricing_pays(problem_, budgets_, k, tuning_)) {
            PricedRows priced =
                rows_by_price(problem_, budgets_, order_, best, {nodes_left_, deadline_, cancel_}, tuning_);
            count(priced.n_nodes);
            if (priced.are_searched) return result(Status::complete, best, unlimited);
            blocks = std::move(priced.blocks);
        }
        if (blocks.empty())
            for (const Columns& block : problem_.blocks) blocks.push_back(prune(block, order_, k, cancel_, tuning_));
        if (cancel_.requested()) return without_answer(Status::cancelled);  // blocks may be cut short
        if (!make_usable(blocks, problem_, budgets_, order_)) return without_answer(Status::infeasible);
        return distance == 1 ? proved(std::move(blocks), best) : apart(std::move(blocks), k, distance);
    }

  private:
    using Clock = std::chrono::steady_clock;

    static Clock::duration duration(double seconds) {
        constexpr double longest = 1e9;  // more would not fit the clock
        return std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(std::min(seconds, longest)));
    }

    Top proved(std::vector<PrunedBlock> blocks, BestAnswers& best) {
        const std::unique_ptr<TreeSearch> search =
            make_tree_search(problem_, budgets_, std::move(blocks), best.k(), deadline_, cancel_, tuning_);
        const Status status = search->search(best, {}, nodes_left_);
        count(search->n_nodes());
        return result(status, best, search->open_bound());
    }

    Top apart(std::vector<PrunedBlock> blocks, std::size_t k, std::size_t distance) {
        const std::unique_ptr<TreeSearch> search =
            make_tree_search(problem_, budgets_, std::move(blocks), k, deadline_, cancel_, tuning_);
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

    Top result(Status status, const BestAnswers& best, Value open_bound) const {
        return result(status, std::vector<Answer>(best.all().begin(), best.all().end()), open_bound);
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
    const Tuning& tuning_;
};

}  // namespace

Top top(const Problem& problem, const std::vector<Value>& budgets, std::size_t k, std::size_t distance,
        const TopLimits& limits, Cancel& cancel, const Tuning& tuning) {
    // No total is beyond the largest one; and a smaller budget, less any total, fits.
    std::vector<Value> bounds = budgets;
    for (Value& bound : bounds)
        if (bound >= largest_total) bound = unlimited;
    return Search(problem, bounds, limits, cancel, tuning).run(k, distance);
}

}  // namespace qabwnas

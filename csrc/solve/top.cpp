#include "solve/top.hpp"

#include <chrono>
#include <memory>

#include "pareto/prune.hpp"
#include "solve/lagrangian_pricing.hpp"
#include "solve/presolve.hpp"
#include "solve/tree_search.hpp"

namespace qabwnas {

namespace {

// Finds the answers, and counts nodes against the limits.
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

    Top run(std::size_t k, std::size_t min_distance) {
        BestAnswers best(k);
        std::vector<PrunedBlock> blocks;
        if (min_distance == 1 && pricing_pays_off(problem_, budgets_, k, tuning_)) {
            PricedRows priced =
                lagrangian_pricing(problem_, budgets_, order_, best, {nodes_left_, deadline_, cancel_}, tuning_);
            count(priced.n_nodes);
            if (priced.are_proved) return result(Status::complete, best, unlimited);
            blocks = std::move(priced.blocks);
        }
        if (blocks.empty())
            for (const Columns& block : problem_.blocks) blocks.push_back(prune(block, order_, k, cancel_, tuning_));
        if (cancel_.requested()) return without_answer(Status::cancelled);  // blocks may be incomplete
        if (!presolve(blocks, problem_, budgets_, order_)) return without_answer(Status::infeasible);
        return min_distance == 1 ? k_best(std::move(blocks), best)
                                 : k_best_with_distance(std::move(blocks), k, min_distance);
    }

  private:
    using Clock = std::chrono::steady_clock;

    static Clock::duration duration(double seconds) {
        constexpr double longest = 1e9;  // more would not fit the clock
        return std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(std::min(seconds, longest)));
    }

    Top k_best(std::vector<PrunedBlock> blocks, BestAnswers& best) {
        const std::unique_ptr<TreeSearch> search =
            make_tree_search(problem_, budgets_, std::move(blocks), best.k(), deadline_, cancel_, tuning_);
        const Status status = search->search(best, {}, nodes_left_);
        count(search->n_nodes());
        return result(status, best, search->open_bound());
    }

    Top k_best_with_distance(std::vector<PrunedBlock> blocks, std::size_t k, std::size_t min_distance) {
        const std::unique_ptr<TreeSearch> search =
            make_tree_search(problem_, budgets_, std::move(blocks), k, deadline_, cancel_, tuning_);
        HammingConstraint found{{}, min_distance};
        Status status = Status::complete;
        while (found.earlier.size() < k && status == Status::complete) {
            const std::size_t n_before = search->n_nodes();
            BestAnswers best(1);
            status = search->search(best, found, nodes_left_);
            count(search->n_nodes() - n_before);
            if (best.all().empty()) break;
            found.earlier.push_back(best.worst());
        }
        // The subnets that were not looked at can be better than the first answer only while that is searched for.
        const Value open = found.earlier.size() > 1 ? found.earlier[0].totals[0] : search->open_bound();
        return result(status, found.earlier, open);
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

Top top(const Problem& problem, const std::vector<Value>& budgets, std::size_t k, std::size_t min_distance,
        const TopLimits& limits, Cancel& cancel, const Tuning& tuning) {
    // No total is beyond the largest one. The difference of a smaller budget and any total fits into 64 bits.
    std::vector<Value> bounds = budgets;
    for (Value& bound : bounds)
        if (bound >= largest_total) bound = unlimited;
    return Search(problem, bounds, limits, cancel, tuning).run(k, min_distance);
}

}  // namespace qabwnas

#include "baselines/dna_traversal.hpp"

#include <numeric>

namespace qabwnas {

namespace {

struct Candidate {
    Value loss, cost;
    Index row;
};

struct Stage {
    std::vector<Candidate> candidates;  // by loss, then by row
    Value cap = 0;
    std::size_t bound = 0;           // M
    std::size_t index = 0, end = 0;  // of the loop, after it is entered
    Value loss = 0, cost = 0;        // of the partial subnet before this stage
};

std::vector<Stage> stages_of(const Problem& problem, Value budget) {
    std::vector<Stage> stages(problem.n_blocks());
    Value cap = budget - problem.origin[1];
    for (std::size_t b = stages.size(); b-- > 0;) {
        const Columns& block = problem.blocks[b];
        Stage& stage = stages[b];
        Value least = block.at(1, 0);
        for (std::size_t row = 0; row < block.n_rows; ++row) {
            stage.candidates.push_back({block.at(0, row), block.at(1, row), static_cast<Index>(row)});
            least = std::min(least, block.at(1, row));
        }
        std::stable_sort(stage.candidates.begin(), stage.candidates.end(),
                         [](const Candidate& a, const Candidate& b) { return a.loss < b.loss; });
        stage.cap = cap;
        stage.bound = stage.candidates.size();
        cap -= least;
    }
    return stages;
}

class Traversal {
  public:
    Traversal(const Problem& problem, Value budget, bool repaired)
        : problem_(problem), stages_(stages_of(problem, budget)), repaired_(repaired) {}

    Subnets run(std::size_t max_nodes, Cancel& cancel) {
        Subnets result;
        std::size_t b = 0;
        enter(0);
        while (true) {
            Stage& stage = stages_[b];
            if (stage.index >= stage.end) {  // the loop is over
                if (b == 0) break;
                ++stages_[--b].index;
                continue;
            }
            if (result.n_pairs == max_nodes || cancel.requested()) {
                result.status = result.n_pairs == max_nodes ? Status::limit : Status::cancelled;
                return with_best(std::move(result));
            }
            ++result.n_pairs;
            if (b + 1 == stages_.size()) {
                visit_last(b);
            } else if (b > 0 && stage.index >= stage.bound) {
                if (stage.bound == 0) pass_up(b);
                stage.end = stage.index;
            } else if (stage.cost + stage.candidates[stage.index].cost > stage.cap) {
                ++stage.index;
            } else {
                enter(++b);
            }
        }
        if (best_.empty()) result.status = Status::infeasible;
        return with_best(std::move(result));
    }

  private:
    void enter(std::size_t b) {
        Stage& stage = stages_[b];
        if (b > 0) {
            const Stage& before = stages_[b - 1];
            stage.loss = before.loss + before.candidates[before.index].loss;
            stage.cost = before.cost + before.candidates[before.index].cost;
        }
        if (repaired_) stage.bound = stage.candidates.size();
        stage.index = 0;
        stage.end = stage.bound;
    }

    // The best of this loop is its first candidate: the enclosing loop need not go further than now.
    void pass_up(std::size_t b) {
        if (b > 0) stages_[b - 1].bound = stages_[b - 1].index;
        stages_[b].bound = stages_[b].candidates.size();
    }

    void visit_last(std::size_t b) {
        Stage& stage = stages_[b];
        const Candidate& candidate = stage.candidates[stage.index];
        if (stage.cost + candidate.cost > stage.cap) {
            ++stage.index;
            return;
        }
        const Value loss = stage.loss + candidate.loss;
        if (best_.empty() || loss < best_loss_) {
            best_loss_ = loss;
            best_.clear();
            for (const Stage& each : stages_) best_.push_back(each.candidates[each.index].row);
        }
        stage.bound = stage.index;
        if (stage.index == 0) pass_up(b);
        stage.end = stage.index;
    }

    Subnets with_best(Subnets result) const {
        result.choice = best_;
        if (!best_.empty()) {
            result.totals = problem_.origin;
            for (std::size_t b = 0; b < best_.size(); ++b)
                for (std::size_t m = 0; m < 2; ++m)
                    result.totals[m] += problem_.blocks[b].at(m, static_cast<std::size_t>(best_[b]));
        }
        return result;
    }

    const Problem& problem_;
    std::vector<Stage> stages_;
    const bool repaired_;
    Value best_loss_ = 0;
    std::vector<Index> best_;
};

}  // namespace

Subnets dna_traversal(const Problem& problem, Value budget, bool repaired, std::size_t max_nodes, Cancel& cancel) {
    return Traversal(problem, budget, repaired).run(max_nodes, cancel);
}

}  // namespace qabwnas

// The k best subnets found so far, and a minimum Hamming distance between them.
#pragma once

#include <set>
#include <vector>

#include "core/problem.hpp"

namespace qabwnas {

struct Answer {
    std::vector<Value> totals;
    std::vector<Index> choice;
    auto operator<=>(const Answer&) const = default;
};

// In the order of answers (problem.hpp). Insertion is O(log k) comparisons.
class BestAnswers {
  public:
    explicit BestAnswers(std::size_t k) : k_(k) {}

    std::size_t k() const { return k_; }
    bool are_complete() const { return answers_.size() == k_; }
    const Answer& worst() const { return *answers_.rbegin(); }
    const std::set<Answer>& all() const { return answers_; }

    // Returns whether the answer is new and among the k best.
    bool insert(Answer answer) {
        if (are_complete() && !(answer < worst())) return false;
        const bool is_new = answers_.insert(std::move(answer)).second;
        if (answers_.size() > k_) answers_.erase(std::prev(answers_.end()));
        return is_new;
    }

  private:
    std::size_t k_;
    std::set<Answer> answers_;
};

// A subnet must differ from each earlier answer in at least min_distance blocks.
struct HammingConstraint {
    std::vector<Answer> earlier;
    std::size_t min_distance = 1;

    bool is_kept_by(const std::vector<Index>& choice) const {
        for (const Answer& answer : earlier) {
            std::size_t n_differing = 0;
            for (std::size_t b = 0; b < choice.size(); ++b) n_differing += answer.choice[b] != choice[b] ? 1 : 0;
            if (n_differing < min_distance) return false;
        }
        return true;
    }
};

}  // namespace qabwnas

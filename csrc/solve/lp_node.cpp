#include "solve/lp_node.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace qabwnas {

std::size_t LpNode::evaluate(Key known_bound, Cancel& cancel) {
    if (!can_keep_min_distance()) return no_block;
    if (relaxation_.solve(cutoff(), cancel) != LpRelaxation::Outcome::solved) return no_block;
    round();
    if (!fix_by_reduced_costs() || !can_keep_min_distance()) return no_block;
    if (is_pruned_by_ties(std::max(known_bound, key_bound(relaxation_.bound())))) return no_block;
    const std::vector<std::size_t> open = open_blocks();
    if (open.size() < 2) {
        record_all(open.empty() ? 0 : open[0]);
        return no_block;
    }
    return branching_block(open);
}

// Forbids the rows whose bound is above that of the k-th best subnet; false if a block has none left.
bool LpNode::fix_by_reduced_costs() {
    const double limit = cutoff();
    std::vector<std::uint8_t>& allowed = relaxation_.allowed();
    for (std::size_t b = 0; b < rows_.n_blocks(); ++b) {
        bool any = false;
        for (std::size_t row = rows_.offsets[b]; row < rows_.offsets[b + 1]; ++row) {
            if (allowed[row] != 0 && relaxation_.bound_with(b, row) > limit) allowed[row] = 0;
            any |= allowed[row] != 0;
        }
        if (!any) return false;
    }
    return true;
}

// The blocks with several allowed rows.
std::vector<std::size_t> LpNode::open_blocks() const {
    const auto first = relaxation_.allowed().begin();
    std::vector<std::size_t> open;
    for (std::size_t b = 0; b < rows_.n_blocks(); ++b) {
        const auto of = [&](std::size_t at) { return first + static_cast<std::ptrdiff_t>(rows_.offsets[at]); };
        if (std::count(of(b), of(b + 1), 1) > 1) open.push_back(b);
    }
    return open;
}

// The most fractional block per allowed row.
std::size_t LpNode::branching_block(const std::vector<std::size_t>& open) const {
    std::size_t chosen = no_block;
    double highest = -1;
    for (const std::size_t b : open) {
        double largest = 0;
        std::size_t n_allowed = 0;
        for (std::size_t row = rows_.offsets[b]; row < rows_.offsets[b + 1]; ++row) {
            if (relaxation_.allowed()[row] == 0) continue;
            ++n_allowed;
            largest = std::max(largest, relaxation_.value(row));
        }
        const double score = (1 - largest + 1e-6) / static_cast<double>(n_allowed);
        if (score <= highest) continue;
        highest = score;
        chosen = b;
    }
    return chosen;
}

// Whether some subnet of allowed rows can differ from each earlier answer in enough blocks.
bool LpNode::can_keep_min_distance() const {
    for (const Answer& answer : constraint_->earlier) {
        std::size_t n_differing = 0;
        for (std::size_t b = 0; b < rows_.n_blocks(); ++b) {
            bool differs = false;
            for (std::size_t row = rows_.offsets[b]; row < rows_.offsets[b + 1] && !differs; ++row)
                differs = relaxation_.allowed()[row] != 0 && rows_.candidates[row] != answer.choice[b];
            n_differing += differs ? 1 : 0;
        }
        if (n_differing < constraint_->min_distance) return false;
    }
    return true;
}

bool LpNode::is_pruned_by_bound(Key bound) const {
    return bound > rows_.last_key() || (best_->are_complete() && bound > rows_.key_of(best_->worst().totals));
}

// The same for the subnets of allowed rows, whose key can tie with that of the worst of the k best. The remaining
// metrics and then the candidates decide, at their least.
bool LpNode::is_pruned_by_ties(Key bound) const {
    if (bound > rows_.last_key()) return true;
    if (!best_->are_complete()) return false;
    const Answer& worst = best_->worst();
    const Key key = rows_.key_of(worst.totals);
    if (bound != key) return bound > key;
    const std::size_t d = problem_.n_metrics();
    const std::vector<std::uint8_t>& allowed = relaxation_.allowed();
    Answer least{problem_.origin, {}};
    for (std::size_t b = 0; b < rows_.n_blocks(); ++b) {
        std::vector<Value> values(d, unlimited);
        Index candidate = std::numeric_limits<Index>::max();
        for (std::size_t row = rows_.offsets[b]; row < rows_.offsets[b + 1]; ++row) {
            if (allowed[row] == 0) continue;
            for (std::size_t m = 0; m < d; ++m) values[m] = std::min(values[m], rows_.values[row * d + m]);
            candidate = std::min(candidate, rows_.candidates[row]);
        }
        for (std::size_t m = 0; m < d; ++m)
            least.totals[m] = combine(problem_.aggregations[m], least.totals[m], values[m]);
        least.choice.push_back(candidate);
    }
    for (std::size_t m = rows_.n_key_metrics(); m < d; ++m)
        if (least.totals[m] != worst.totals[m]) return least.totals[m] > worst.totals[m];
    return least.choice >= worst.choice;
}

Key LpNode::key_bound(double objective) const {
    const double key = std::max(objective, 0.0) * rows_.key_range();
    return static_cast<Key>(std::ceil(key - key * 0x1p-50));
}

// The largest LP objective of a subnet that can join the k best.
double LpNode::cutoff() const {
    Key key = rows_.last_key();
    if (best_->are_complete()) key = std::min(key, rows_.key_of(best_->worst().totals));
    return static_cast<double>(key) / rows_.key_range();
}

// Rounding heuristic: records the subnet of each block's allowed row with the largest LP value.
void LpNode::round() {
    std::vector<std::size_t> rows;
    for (std::size_t b = 0; b < rows_.n_blocks(); ++b) {
        std::size_t chosen = rows_.offsets[b];
        double largest = -1;
        for (std::size_t row = rows_.offsets[b]; row < rows_.offsets[b + 1]; ++row) {
            if (relaxation_.allowed()[row] == 0 || relaxation_.value(row) <= largest) continue;
            largest = relaxation_.value(row);
            chosen = row;
        }
        rows.push_back(chosen);
    }
    record(rows);
}

// Records each subnet of allowed rows, where only the given block can have several.
void LpNode::record_all(std::size_t block) {
    std::vector<std::size_t> rows;
    for (std::size_t b = 0; b < rows_.n_blocks(); ++b) {
        std::size_t row = rows_.offsets[b];
        while (relaxation_.allowed()[row] == 0) ++row;
        rows.push_back(row);
    }
    for (std::size_t row = rows_.offsets[block]; row < rows_.offsets[block + 1]; ++row) {
        if (relaxation_.allowed()[row] == 0) continue;
        rows[block] = row;
        record(rows);
    }
}

// Records the subnet of some rows, if it keeps the budgets and the minimum distance.
void LpNode::record(const std::vector<std::size_t>& rows) {
    const std::size_t d = problem_.n_metrics();
    Answer answer{problem_.origin, {}};
    for (const std::size_t row : rows) {
        for (std::size_t m = 0; m < d; ++m)
            answer.totals[m] = combine(problem_.aggregations[m], answer.totals[m], rows_.values[row * d + m]);
        answer.choice.push_back(rows_.candidates[row]);
    }
    for (std::size_t m = 0; m < d; ++m)
        if (answer.totals[m] > budgets_[m]) return;
    if (constraint_->is_kept_by(answer.choice)) best_->insert(std::move(answer));
}

}  // namespace qabwnas

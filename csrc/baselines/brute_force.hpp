// Brute force: enumerates all subnets. A baseline for the searches, and an oracle for large problems.
//
// The largest block is the innermost loop, over contiguous columns. The other blocks turn like the wheels of an
// odometer. A wheel that turns recomputes only the partial totals after it. No subnet is skipped, whatever its rows
// are.
//
// Complexity: O(subnets × metrics). One thread; no state is shared between calls.
#pragma once

#include "core/cancel.hpp"
#include "core/problem.hpp"
#include "core/tuning.hpp"

namespace qabwnas {

// Returns the first subnet in the order of answers within all budgets (the largest Value: no budget). n_pairs is the
// number of enumerated subnets. Stops with Status::limit after max_subnets, and when cancelled, with the best of those
// so far.
Subnets brute_force(const Problem& problem, const std::vector<Value>& budgets, std::size_t max_subnets, Cancel& cancel,
                    const Tuning& tuning = {});

}  // namespace qabwnas

// Brute force: every subnet is made and compared. What searches are measured against, and an oracle in large.
//
// The largest block is the innermost loop, over columns that lie behind one another; the others turn like the wheels of
// an odometer, and a wheel that turns makes anew the partial totals behind it only. No subnet is left out, whatever its
// parts are.
//
// Complexity: O(subnets × metrics). One thread; no state is shared between calls.
#pragma once

#include "core/cancel.hpp"
#include "core/problem.hpp"
#include "core/tuning.hpp"

namespace qabwnas {

// Returns the first subnet in the order of answers that keeps every budget (the largest Value: none), and in n_pairs
// how many were made. Stops with Status::limit after max_subnets, with what is the best of those; so too where it is
// cancelled.
Subnets brute_force(const Problem& problem, const std::vector<Value>& budgets, std::size_t max_subnets, Cancel& cancel,
                    const Tuning& tuning = {});

}  // namespace qabwnas

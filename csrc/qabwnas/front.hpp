// The exact front: every vector of totals that no other subnet's totals are at most, with one subnet for each.
//
// Blocks are pruned, then combined one after the other, fewest rows first. Combining a front A with a block B is a
// merge of |B| lists A + b (or |A| lists, whichever is fewer), each already in sweep order: a heap gives the partial
// subnets in that order, an archive of those kept removes the rest, and a list skips ahead over what the archive
// covers. Sums are never materialised all together: memory is the fronts and one cursor a list.
//
// Of equal totals the subnet with the lowest candidates in block order is kept (see problem.hpp); partial subnets are
// compared through their back-pointers, which is only needed where all sums tie.
//
// Complexity: with N pairs looked at and F points kept, O(N log |B|) for two metrics, O(N log F) for three, O(N F) at
// worst from four metrics on. (Pareto sums: Hespe, Sanders, Storandt, Truschel, ESA 2023.)
//
// One thread; no state is shared between calls.
#pragma once

#include "qabwnas/cancel.hpp"
#include "qabwnas/problem.hpp"

namespace qabwnas {

// Stops with Status::limit as soon as any front, also an intermediate one, holds more than max_points; totals and
// choice are then empty and n_pairs tells how far it came.
Subnets front(const Problem& problem, std::size_t max_points, Cancel& cancel);

}  // namespace qabwnas

// The exact front: every vector of totals that no other subnet's totals are at most, with one subnet for each.
//
// Blocks are pruned, then added one after the other, fewest rows first: see combine.hpp and merge.hpp. Memory is the
// front so far with its back-pointers; sums are never all held together. Candidates are not written; see
// back_pointers.hpp. All memory that grows with the work is counted and limited (memory.hpp): points, back-pointers,
// indexes, tables, and sort buffers.
//
// Merges sweep by a sum with many different totals, whatever the order of the metrics: where first sums tie, slabs are
// large, and points that come earlier tell little. The order of answers is that of the metrics.
//
// Of equal totals the subnet with the lowest candidates in block order is kept (see problem.hpp); partial subnets are
// compared through their back-pointers, which is only needed where all sums tie.
//
// A region of the front: upper bounds leave out every partial subnet that no choice of the other blocks can bring below
// them.
//
// A smaller front: with slack δ a partial subnet also goes if a kept one is at most 1 + δ times it in the objective,
// the first metric, and at most it in all others. Adding the same to both keeps that, as long as nothing is negative.
// So after n blocks, every subnet of the exact front has one in this front that is at most it in the budgeted metrics
// and at most (1 + δ)^n times it in the objective. Sweeps then take the objective last. If it is the only sum, nothing
// is left out. (Approximate Pareto sets: compare Papadimitriou and Yannakakis 2000, and the trimming of Ibarra and Kim
// 1975.)
//
// Threads: one; calls share nothing.
#pragma once

#include <memory>
#include <vector>

#include "core/cancel.hpp"
#include "core/memory.hpp"
#include "core/problem.hpp"
#include "core/tuning.hpp"
#include "front/back_pointers.hpp"

namespace qabwnas {

struct FrontLimits {
    std::vector<Value> high;  // per metric: subnets with a larger total are left out
    double slack = 0;         // δ, at most 1; the objective is nowhere negative
    std::size_t max_bytes;    // for points and all that is held while they are found
};

// Points in answer order: totals (n × n_metrics), row-major, and where they come from.
struct Front {
    std::shared_ptr<MemoryLimit> memory;  // that the rest was taken from; outlives it
    Status status = Status::complete;
    std::pmr::vector<Value> totals;
    std::vector<Level> levels;
    std::size_t n_blocks = 0, n_points = 0;  // how far it came
    std::size_t n_pairs = 0;                 // work counter: partial subnets that were looked at
};

// Stops with Status::limit as soon as it would take more than max_bytes, or more points than can be numbered
// (Tuning::most_points); totals and levels are then empty. If nothing is within the upper bounds, the status is
// infeasible.
Front front(const Problem& problem, const FrontLimits& limits, Cancel& cancel, const Tuning& tuning = {});

}  // namespace qabwnas

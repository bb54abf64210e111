// Where the points of a front come from: back-pointers, as in dynamic programming, from which the candidates of any
// point are rebuilt.
//
// A front is made by adding joined blocks (a block, or several), one after the other. Of every point only its pair is
// kept: a point of the front before and a row of the joined blocks. So a front of n points takes O(n) memory per joined
// blocks. Candidates, O(n_blocks) per point, are written only for points that are asked for. Threads: read-only.
#pragma once

#include <cstddef>
#include <vector>

#include "core/memory.hpp"
#include "core/problem.hpp"

namespace qabwnas {

struct Pair {
    Index point;  // of the front before
    Index row;    // of the joined blocks
};

// The front after some joined blocks were added.
struct Level {
    std::vector<std::size_t> blocks;  // that were added, ascending
    std::pmr::vector<Index> choice;   // of their rows: (rows × blocks), row-major
    std::pmr::vector<Pair> pairs;     // the points

    const Index* candidates(Index row) const { return &choice[static_cast<std::size_t>(row) * blocks.size()]; }
};

// The same, as a view of the caller's memory.
struct LevelView {
    std::vector<std::size_t> blocks;
    const Index* choice;
    const Index* pairs;  // (points × 2): point and row

    const Index* candidates(Index row) const { return choice + static_cast<std::size_t>(row) * blocks.size(); }
};

// Writes the candidates of some points of the last level: (points × blocks), row-major, blocks ascending. The first
// level's points come from the empty subnet. O(points × blocks).
void write_choice(const std::vector<LevelView>& levels, const std::vector<std::size_t>& points, Index* choice);

// The same of all points.
std::pmr::vector<Index> whole_choice(const std::vector<Level>& levels, Memory* memory = unlimited_memory());

// Tells which of two partial subnets comes first in the order of candidates, from the candidates that it is shown. The
// first difference in block order decides; blocks are added in another order, so all are looked at.
class FirstDifference {
  public:
    // x and y: the candidates of these blocks.
    void look(const std::vector<std::size_t>& blocks, const Index* x, const Index* y) {
        for (std::size_t c = 0; c < blocks.size(); ++c) {
            if (x[c] == y[c] || blocks[c] >= decisive_) continue;
            decisive_ = blocks[c];
            x_precedes_ = x[c] < y[c];
        }
    }

    // Points x and y of the last level.
    void look_back(const std::vector<Level>& levels, Index x, Index y);

    bool x_precedes() const { return x_precedes_; }

  private:
    std::size_t decisive_ = static_cast<std::size_t>(-1);
    bool x_precedes_ = false;
};

}  // namespace qabwnas

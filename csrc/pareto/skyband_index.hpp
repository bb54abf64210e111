// Indexes for k-skybands (Papadias, Tao, Fu, Seeger 2005): are at least k kept points ≤ the given one in every
// coordinate?
//
// They serve sweeps with k > 1, as the indexes of dominance_index.hpp do for k = 1. Threads: one at a time.
#pragma once

#include <algorithm>
#include <limits>
#include <queue>
#include <vector>

#include "pareto/cell_table.hpp"
#include "pareto/dominance_index.hpp"

namespace qabwnas {

// At most one coordinate: the k smallest values. O(log k).
class SmallestIndex {
  public:
    SmallestIndex(std::size_t n_coordinates, std::size_t k) : has_coordinate_(n_coordinates > 0), k_(k) {}

    bool dominates(const Value* point) const { return smallest_.size() == k_ && smallest_.top() <= value_of(point); }
    void insert(const Value* point) {
        smallest_.push(value_of(point));
        if (smallest_.size() > k_) smallest_.pop();
    }

  private:
    Value value_of(const Value* point) const { return has_coordinate_ ? point[0] : 0; }

    bool has_coordinate_;
    std::size_t k_;
    std::priority_queue<Value> smallest_;
};

// Two or more coordinates: points in the cells of a grid over the first two. Each cell has its lower and its upper
// corner in the others. Of a cell below a point on both axes, points are compared only if the corners do not decide.
// With two coordinates they always decide, and a table holds how many points lie left of a column in each row.
// dominates: O(cells looked at + points compared), and no more once k are found. insert: O(side).
class SkybandIndex {
  public:
    SkybandIndex(const Box& box, std::size_t n_points, std::size_t k, const Tuning& tuning, Memory* memory)
        : d_(box.low.size()),
          k_(k),
          side_(std::clamp<std::size_t>(side_within(n_points / tuning.skyband_points_per_cell, 2), 1, most_cells)),
          rows_(box.low[0], box.high[0], side_),
          columns_(box.low[1], box.high[1], side_),
          lower_(side_ * side_ * (d_ - 2), std::numeric_limits<Value>::max(), memory),
          upper_(side_ * side_ * (d_ - 2), std::numeric_limits<Value>::min(), memory),
          left_(side_ * (side_ + 1), memory),
          points_(side_ * side_, memory) {}

    bool dominates(const Value* point) const {
        const std::size_t row = rows_.cell_of(point[0]), column = columns_.cell_of(point[1]);
        std::size_t n = 0;
        for (std::size_t r = row + 1; r-- > 0 && n < k_;) {
            const std::size_t first = d_ == 2 && r < row ? column : 0;
            if (first > 0) n += left_[r * (side_ + 1) + first];
            for (std::size_t c = column + 1; c-- > first && n < k_;)
                n += n_at_most(r * side_ + c, point, r < row && c < column);
        }
        return n >= k_;
    }

    void insert(const Value* point) {
        const std::size_t row = rows_.cell_of(point[0]), column = columns_.cell_of(point[1]),
                          cell = row * side_ + column;
        for (std::size_t i = 2; i < d_; ++i) {
            Value &lower = lower_[cell * (d_ - 2) + i - 2], &upper = upper_[cell * (d_ - 2) + i - 2];
            lower = std::min(lower, point[i]);
            upper = std::max(upper, point[i]);
        }
        for (std::size_t c = column + 1; c <= side_; ++c) ++left_[row * (side_ + 1) + c];
        points_[cell].insert(points_[cell].end(), point, point + d_);
    }

  private:
    static constexpr std::size_t most_cells = 64;  // per axis

    // How many points of a cell are at most the given one; is_below: all are, in the first two coordinates.
    std::size_t n_at_most(std::size_t cell, const Value* point, bool is_below) const {
        const std::pmr::vector<Value>& points = points_[cell];
        bool all = is_below;
        for (std::size_t i = 2; i < d_; ++i) {
            if (lower_[cell * (d_ - 2) + i - 2] > point[i]) return 0;
            all &= upper_[cell * (d_ - 2) + i - 2] <= point[i];
        }
        if (all) return points.size() / d_;
        std::size_t n = 0;
        for (std::size_t start = 0; start < points.size() && n < k_; start += d_) {
            bool at_most = true;
            for (std::size_t i = 0; i < d_; ++i) at_most &= points[start + i] <= point[i];
            n += at_most ? 1 : 0;
        }
        return n;
    }

    std::size_t d_, k_, side_;
    Cells rows_, columns_;
    std::pmr::vector<Value> lower_, upper_;             // (cells × (d − 2)): of the coordinates after the grid's
    std::pmr::vector<std::size_t> left_;                // [(r, c)]: points in cells (r, < c)
    std::pmr::vector<std::pmr::vector<Value>> points_;  // by cell, row-major
};

}  // namespace qabwnas

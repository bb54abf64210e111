// Coordinates cut into cells by a monotone map, and a table of prefix minima over such cells.
//
// A lower cell means a lower coordinate; a range that is wrong costs time, never correctness.
#pragma once

#include <algorithm>
#include <cstddef>
#include <limits>
#include <vector>

#include "qabwnas/problem.hpp"

namespace qabwnas {

// Cuts a coordinate's range into n cells of equal width; values outside go to the cells at the ends.
class Cells {
  public:
    Cells() = default;
    Cells(Value low, Value high, std::size_t n) : low_(static_cast<double>(low)), last_(static_cast<double>(n - 1)) {
        // In doubles, because high − low may not fit an integer; rounding is monotone, so cells stay in order.
        const double width = static_cast<double>(high) - low_;
        scale_ = width > 0 ? static_cast<double>(n) / width : 0;
    }

    // At most 2^31 cells: conversions to 32 bits are what vector units are good at.
    std::size_t of(Value value) const {
        const double cell = (static_cast<double>(value) - low_) * scale_;
        return static_cast<std::size_t>(static_cast<std::int32_t>(std::min(std::max(cell, 0.0), last_)));
    }

  private:
    double low_ = 0, last_ = 0, scale_ = 0;
};

// The smallest value that was put into the cells up to each one, on a grid of side^n_axes cells; no axis: one cell.
class CellTable {
  public:
    CellTable(std::size_t n_axes, std::size_t side) : side_(side) {
        std::size_t n_cells = 1;
        for (std::size_t axis = 0; axis < n_axes; ++axis, n_cells *= side) strides_.push_back(n_cells);
        // The largest value stands for "none": totals stay far below it.
        smallest_.assign(n_cells, std::numeric_limits<Value>::max());
    }

    std::size_t side() const { return side_; }
    std::size_t stride(std::size_t axis) const { return strides_[axis]; }
    const Value* data() const { return smallest_.data(); }

    // Counts for all cells behind once it was accumulated.
    void put(std::size_t cell, Value value) { smallest_[cell] = std::min(smallest_[cell], value); }

    // Prefix minima along every axis: O(axes × cells).
    void accumulate() {
        for (const std::size_t stride : strides_)
            for (std::size_t start = 0; start < smallest_.size(); start += stride * side_)
                for (std::size_t at = start + stride; at < start + stride * side_; ++at)
                    smallest_[at] = std::min(smallest_[at], smallest_[at - stride]);
    }

    // Raises every cell to what another table of the same shape holds there, if that is larger.
    void raise_to(const CellTable& other) {
        for (std::size_t cell = 0; cell < smallest_.size(); ++cell)
            smallest_[cell] = std::max(smallest_[cell], other.smallest_[cell]);
    }

  private:
    std::size_t side_;
    std::vector<std::size_t> strides_;
    std::vector<Value> smallest_;
};

}  // namespace qabwnas

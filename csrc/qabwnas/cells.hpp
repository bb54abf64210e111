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

    // Makes nothing lie below the table that is larger than a value, nor in cells behind the given one on any axis.
    void close_above(const std::vector<std::size_t>& cells, Value value) {
        smallest_.assign(smallest_.size(), std::numeric_limits<Value>::min());
        fill_up_to(strides_.size(), 0, cells, value + 1);
    }

    // Lowers the cells behind one, given by its cell on every axis, to a value. Minima fall along every axis, so a walk
    // ends where one is low enough: amortised over n calls, each cell is lowered O(log n) times in random order.
    void lower(const std::size_t* cells, Value value) { lower_from(strides_.size(), 0, cells, value); }

    // The same for many values: puts each into its one cell (behind the end of an axis: none); accumulate does the
    // rest.
    void put(const std::size_t* cells, Value value) {
        std::size_t at = 0;
        for (std::size_t axis = 0; axis < strides_.size(); ++axis) {
            if (cells[axis] >= side_) return;
            at += cells[axis] * strides_[axis];
        }
        smallest_[at] = std::min(smallest_[at], value);
    }

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
    // Over the first n_axes axes, up to the given cells, behind those that start stands for.
    void fill_up_to(std::size_t n_axes, std::size_t start, const std::vector<std::size_t>& cells, Value value) {
        if (n_axes <= 1) {  // the cells of the first axis lie side by side
            std::fill_n(&smallest_[start], n_axes > 0 ? cells[0] + 1 : 1, value);
            return;
        }
        for (std::size_t cell = 0; cell <= cells[n_axes - 1]; ++cell)
            fill_up_to(n_axes - 1, start + cell * strides_[n_axes - 1], cells, value);
    }

    // Over the first n_axes axes, behind the cells that start stands for; returns whether the first was lowered.
    bool lower_from(std::size_t n_axes, std::size_t start, const std::size_t* cells, Value value) {
        const std::size_t first = n_axes > 0 ? cells[n_axes - 1] : 0, end = n_axes > 0 ? side_ : 1;
        std::size_t cell = first;
        if (n_axes <= 1) {  // the cells of the first axis lie side by side
            for (; cell < end && smallest_[start + cell] > value; ++cell) smallest_[start + cell] = value;
        } else {
            const std::size_t stride = strides_[n_axes - 1];
            while (cell < end && lower_from(n_axes - 1, start + cell * stride, cells, value)) ++cell;
        }
        return cell > first;
    }

    std::size_t side_;
    std::vector<std::size_t> strides_;
    std::vector<Value> smallest_;
};

}  // namespace qabwnas

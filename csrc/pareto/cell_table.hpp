// Coordinates cut into cells by a monotone map, and a table of prefix minima over such cells (a summed-area table, Crow
// 1984, with minima in place of sums).
//
// A lower cell means a lower coordinate; a wrong range costs time, never correctness. Threads: a table belongs to one
// thread at a time.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <utility>
#include <vector>

#include "core/memory.hpp"
#include "core/problem.hpp"

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
    std::size_t cell_of(Value value) const {
        const double cell = (static_cast<double>(value) - low_) * scale_;
        return static_cast<std::size_t>(static_cast<std::int32_t>(std::min(std::max(cell, 0.0), last_)));
    }

  private:
    double low_ = 0, last_ = 0, scale_ = 0;
};

// The smallest value that was put into the cells up to each one, on a grid of `side` cells per axis; no axis: one cell.
// Callers choose sides such that all cells together are few, however many axes there are.
class CellTable {
  public:
    explicit CellTable(std::vector<std::size_t> sides, Memory* memory = unlimited_memory())
        : sides_(std::move(sides)), smallest_(memory) {
        std::size_t n_cells = 1;
        for (const std::size_t side : sides_) {
            strides_.push_back(n_cells);
            n_cells *= side;
        }
        // The largest value stands for "none": totals stay far below it.
        smallest_.assign(n_cells, std::numeric_limits<Value>::max());
    }

    std::size_t n_axes() const { return sides_.size(); }
    std::size_t side(std::size_t axis) const { return sides_[axis]; }
    std::size_t stride(std::size_t axis) const { return strides_[axis]; }
    const Value* data() const { return smallest_.data(); }

    // Closes the table: nothing lies below it that is larger than a value, or in cells after the given one on any axis.
    void close_above(const std::vector<std::size_t>& cells, Value value) {
        smallest_.assign(smallest_.size(), std::numeric_limits<Value>::min());
        fill_up_to(n_axes(), 0, cells, value + 1);
    }

    // Lowers the cells from one on, given by its cell on every axis, to a value. Minima fall along every axis, so a
    // walk ends where one is low enough: amortised over n calls, each cell is lowered O(log n) times in random order.
    void lower(const std::size_t* cells, Value value) { lower_from(n_axes(), 0, cells, value); }

    // The same for many values: puts each into its one cell (after the end of an axis: none). accumulate does the rest.
    void put(const std::size_t* cells, Value value) {
        std::size_t at = 0;
        for (std::size_t axis = 0; axis < n_axes(); ++axis) {
            if (cells[axis] >= sides_[axis]) return;
            at += cells[axis] * strides_[axis];
        }
        smallest_[at] = std::min(smallest_[at], value);
    }

    // Prefix minima along every axis: O(axes × cells).
    void accumulate() {
        for (std::size_t axis = 0; axis < n_axes(); ++axis) {
            const std::size_t stride = strides_[axis], length = stride * sides_[axis];
            for (std::size_t start = 0; start < smallest_.size(); start += length)
                for (std::size_t at = start + stride; at < start + length; ++at)
                    smallest_[at] = std::min(smallest_[at], smallest_[at - stride]);
        }
    }

    // Raises every cell to what another table of the same shape holds there, if that is larger.
    void raise_to(const CellTable& other) {
        for (std::size_t cell = 0; cell < smallest_.size(); ++cell)
            smallest_[cell] = std::max(smallest_[cell], other.smallest_[cell]);
    }

  private:
    // Over the first n_axes axes, up to the given cells, from the cells that start stands for.
    void fill_up_to(std::size_t n_axes, std::size_t start, const std::vector<std::size_t>& cells, Value value) {
        if (n_axes <= 1) {  // the cells of the first axis lie side by side
            std::fill_n(&smallest_[start], n_axes > 0 ? cells[0] + 1 : 1, value);
            return;
        }
        for (std::size_t cell = 0; cell <= cells[n_axes - 1]; ++cell)
            fill_up_to(n_axes - 1, start + cell * strides_[n_axes - 1], cells, value);
    }

    // Over the first n_axes axes, from the cells that start stands for; returns whether the first was lowered.
    bool lower_from(std::size_t n_axes, std::size_t start, const std::size_t* cells, Value value) {
        const std::size_t first = n_axes > 0 ? cells[n_axes - 1] : 0, end = n_axes > 0 ? sides_[n_axes - 1] : 1;
        std::size_t cell = first;
        if (n_axes <= 1) {  // the cells of the first axis lie side by side
            for (; cell < end && smallest_[start + cell] > value; ++cell) smallest_[start + cell] = value;
        } else {
            const std::size_t stride = strides_[n_axes - 1];
            while (cell < end && lower_from(n_axes - 1, start + cell * stride, cells, value)) ++cell;
        }
        return cell > first;
    }

    std::vector<std::size_t> sides_, strides_;
    std::pmr::vector<Value> smallest_;
};

// The largest number of cells that n_axes axes may each have while all together are at most n_cells; 1 or more.
inline std::size_t side_within(std::size_t n_cells, std::size_t n_axes) {
    auto side =
        static_cast<std::size_t>(std::pow(static_cast<double>(n_cells), 1.0 / static_cast<double>(n_axes)) + 1e-9);
    return std::max<std::size_t>(side, 1);
}

}  // namespace qabwnas

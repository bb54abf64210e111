#include "qabwnas/screen.hpp"

#include <cmath>
#include <numeric>

#include "qabwnas/cells.hpp"
#include "qabwnas/dispatch.hpp"

namespace qabwnas {

namespace {

constexpr std::size_t few_rows = 48, few_rows_again = 4096;  // for each of the k
constexpr std::size_t rows_at_once = 2048;

// Rows as contiguous columns in sweep order; without numbers they are 0 … n − 1.
struct View {
    const Index* numbers;
    std::vector<const Value*> columns;
    std::size_t n_rows;
};

QABWNAS_CLONES void add_cells(const Value* column, std::size_t n, Cells cells, std::int32_t stride,
                              std::int32_t* indices) {
    for (std::size_t i = 0; i < n; ++i) indices[i] += stride * static_cast<std::int32_t>(cells.of(column[i]));
}

// The positions of rows whose last coordinate is below what the table holds for their cell.
std::size_t below(const Value* smallest, const std::int32_t* indices, const Value* last, std::size_t n, Index* kept) {
    std::size_t n_kept = 0;
    for (std::size_t i = 0; i < n; ++i) {
        kept[n_kept] = static_cast<Index>(i);
        n_kept += last[i] < smallest[indices[i]] ? 1 : 0;
    }
    return n_kept;
}

// Appends the rows of a view at some positions counted from first.
void append(ScreenedRows& rows, const View& view, std::size_t first, const Index* positions, std::size_t n) {
    const std::size_t n_before = rows.numbers.size();
    rows.numbers.resize(n_before + n);
    for (std::size_t i = 0; i < n; ++i) {
        const std::size_t row = first + static_cast<std::size_t>(positions[i]);
        rows.numbers[n_before + i] = view.numbers == nullptr ? static_cast<Index>(row) : view.numbers[row];
    }
    for (std::size_t m = 0; m < rows.columns.size(); ++m) {
        rows.columns[m].resize(n_before + n);
        for (std::size_t i = 0; i < n; ++i)
            rows.columns[m][n_before + i] = view.columns[m][first + static_cast<std::size_t>(positions[i])];
    }
}

// Columns of rows spread over a view, some for each of k groups.
std::vector<std::vector<Value>> sample_of(const View& rows, std::size_t k) {
    const std::size_t n = std::min(rows.n_rows, std::clamp<std::size_t>(rows.n_rows / 16, 128, 16384) * k);
    std::vector<std::vector<Value>> columns(rows.columns.size(), std::vector<Value>(n));
    for (std::size_t m = 0; m < columns.size(); ++m)
        for (std::size_t i = 0; i < n; ++i) columns[m][i] = rows.columns[m][i * rows.n_rows / n];
    return columns;
}

class Screen {
  public:
    Screen(const View& rows, std::size_t k)
        : k_(k),
          sample_(sample_of(rows, k)),
          n_axes_(std::max<std::size_t>(sample_.size() - 1, 1)),
          table_(n_axes_, side_for(sample_[0].size() / k)) {
        for (std::size_t axis = 0; axis < n_axes_; ++axis) {
            const auto [low, high] = std::minmax_element(sample_[axis].begin(), sample_[axis].end());
            cells_.emplace_back(*low, *high, table_.side());
        }
        for (std::size_t group = 0; group < k; ++group) {
            CellTable smallest(n_axes_, table_.side());
            for (std::size_t i = group; i < sample_[0].size(); i += k)
                smallest.put(cells_above(sample_, i), last_of(sample_, i));
            smallest.accumulate();
            if (group == 0)
                table_ = std::move(smallest);
            else
                table_.raise_to(smallest);
        }
    }

    // The rows that the table does not hide; their values are copied while they are in the cache. With k = 1 the table
    // goes on learning from them.
    ScreenedRows pass(const View& rows, Cancel& cancel) {
        ScreenedRows kept{{}, std::vector<std::vector<Value>>(rows.columns.size())};
        std::vector<Index> positions(rows_at_once);
        std::vector<std::int32_t> indices(rows_at_once);
        const std::vector<Value> zeros(rows.columns.size() == 1 ? rows_at_once : 0);
        for (std::size_t first = 0; first < rows.n_rows && !cancel.requested(); first += rows_at_once) {
            const std::size_t n = std::min(rows_at_once, rows.n_rows - first);
            std::fill(indices.begin(), indices.end(), 0);
            for (std::size_t axis = 0; axis < n_axes_; ++axis)
                add_cells(rows.columns[axis] + first, n, cells_[axis], static_cast<std::int32_t>(table_.stride(axis)),
                          indices.data());
            const Value* last = zeros.empty() ? rows.columns.back() + first : zeros.data();
            const std::size_t n_kept = below(table_.data(), indices.data(), last, n, positions.data());
            append(kept, rows, first, positions.data(), n_kept);
            if (k_ > 1) continue;
            for (std::size_t i = kept.numbers.size() - n_kept; i < kept.numbers.size(); ++i)
                table_.lower(cells_above(kept.columns, i), last_of(kept.columns, i));
        }
        return kept;
    }

  private:
    // About two cells a row of a group, in all.
    std::size_t side_for(std::size_t n_rows) const {
        const double side = std::pow(2.0 * static_cast<double>(n_rows), 1.0 / static_cast<double>(n_axes_));
        return std::max<std::size_t>(static_cast<std::size_t>(side), 4);
    }

    // A row counts for strictly higher cells, so it stands one further on every axis.
    const std::size_t* cells_above(const std::vector<std::vector<Value>>& columns, std::size_t i) {
        for (std::size_t axis = 0; axis < n_axes_; ++axis) above_[axis] = cells_[axis].of(columns[axis][i]) + 1;
        return above_.data();
    }

    static Value last_of(const std::vector<std::vector<Value>>& columns, std::size_t i) {
        return columns.size() == 1 ? 0 : columns.back()[i];
    }

    std::size_t k_;
    std::vector<std::vector<Value>> sample_;
    std::size_t n_axes_;
    CellTable table_;
    std::vector<Cells> cells_;
    std::vector<std::size_t> above_ = std::vector<std::size_t>(n_axes_);
};

View view_of(const Columns& block, const SweepOrder& order) {
    View view{nullptr, {}, block.n_rows};
    for (const std::size_t metric : order.metrics) view.columns.push_back(block.column(metric));
    return view;
}

View view_of(const ScreenedRows& rows) {
    View view{rows.numbers.data(), {}, rows.numbers.size()};
    for (const std::vector<Value>& column : rows.columns) view.columns.push_back(column.data());
    return view;
}

ScreenedRows all_of(const View& view) {
    ScreenedRows rows{std::vector<Index>(view.n_rows), {}};
    std::iota(rows.numbers.begin(), rows.numbers.end(), Index{0});
    for (const Value* column : view.columns) rows.columns.emplace_back(column, column + view.n_rows);
    return rows;
}

}  // namespace

ScreenedRows screen(const Columns& block, const SweepOrder& order, std::size_t k, Cancel& cancel) {
    const View all = view_of(block, order);
    if (order.n_sums == 0 || block.n_rows <= few_rows * k) return all_of(all);
    ScreenedRows rows = Screen(all, k).pass(all, cancel);
    std::size_t n_before = block.n_rows;
    while (rows.numbers.size() > few_rows_again * k && rows.numbers.size() < n_before / 2 && !cancel.requested()) {
        n_before = rows.numbers.size();
        const View left = view_of(rows);
        rows = Screen(left, k).pass(left, cancel);
    }
    return rows;
}

}  // namespace qabwnas

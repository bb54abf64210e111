#include "pareto/prefilter.hpp"

#include <cmath>
#include <numeric>

#include "core/dispatch.hpp"
#include "pareto/cell_table.hpp"

namespace qabwnas {

namespace {

// Rows as contiguous columns in sweep order; without numbers they are 0 … n − 1.
struct View {
    const Index* numbers;
    std::vector<const Value*> columns;
    std::size_t n_rows;
};

QABWNAS_CLONES void add_cells(const Value* column, std::size_t n, Cells cells, std::int32_t stride,
                              std::int32_t* indices) {
    for (std::size_t i = 0; i < n; ++i) indices[i] += stride * static_cast<std::int32_t>(cells.cell_of(column[i]));
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
void append(PrefilteredRows& rows, const View& view, std::size_t first, const Index* positions, std::size_t n) {
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

using Sample = std::pmr::vector<std::pmr::vector<Value>>;

// Columns of rows spread over a view, some for each of k groups.
Sample sample_of(const View& rows, std::size_t k, const Tuning& tuning, Memory* memory) {
    constexpr std::size_t sampled_from = 16;
    const std::size_t wanted = std::clamp(rows.n_rows / sampled_from, tuning.fewest_sampled, tuning.most_sampled);
    const std::size_t n = std::min(rows.n_rows, wanted * k);
    Sample columns(memory);
    for (const Value* column : rows.columns) {
        std::pmr::vector<Value>& sampled = columns.emplace_back(n);
        for (std::size_t i = 0; i < n; ++i) sampled[i] = column[i * rows.n_rows / n];
    }
    return columns;
}

class Prefilter {
  public:
    Prefilter(const View& rows, std::size_t k, const Tuning& tuning, Memory* memory)
        : k_(k),
          tuning_(tuning),
          memory_(memory),
          sample_(sample_of(rows, k, tuning, memory)),
          n_axes_(std::max<std::size_t>(sample_.size() - 1, 1)),
          side_(side_within(cells_per_row * (sample_[0].size() / k), n_axes_)),
          table_(std::vector<std::size_t>(side_ < 2 ? 0 : n_axes_, side_), memory) {
        if (!tells_anything()) return;
        for (std::size_t axis = 0; axis < n_axes_; ++axis) {
            const auto [low, high] = std::minmax_element(sample_[axis].begin(), sample_[axis].end());
            cells_.emplace_back(*low, *high, side_);
        }
        for (std::size_t group = 0; group < k; ++group) {
            CellTable smallest(std::vector<std::size_t>(n_axes_, side_), memory);
            for (std::size_t i = group; i < sample_[0].size(); i += k)
                smallest.put(cells_above(sample_, i), last_of(sample_, i));
            smallest.accumulate();
            if (group == 0)
                table_ = std::move(smallest);
            else
                table_.raise_to(smallest);
        }
    }

    bool tells_anything() const { return side_ >= 2; }

    // The rows that the table does not hide; their values are copied while they are in the cache. With k = 1 the table
    // goes on learning from them.
    PrefilteredRows pass(const View& rows, Cancel& cancel) {
        tuning_.count(&PathCounts::prefilter_rounds);
        const std::size_t rows_at_once = tuning_.prefilter_batch;
        PrefilteredRows kept(memory_);
        kept.columns.resize(rows.columns.size());
        std::pmr::vector<Index> positions(rows_at_once, memory_);
        std::pmr::vector<std::int32_t> indices(rows_at_once, memory_);
        const std::pmr::vector<Value> zeros(rows.columns.size() == 1 ? rows_at_once : 0, memory_);
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
    static constexpr std::size_t cells_per_row = 2;  // of a group

    // A row counts for strictly higher cells, so it stands one further on every axis.
    const std::size_t* cells_above(const Sample& columns, std::size_t i) {
        for (std::size_t axis = 0; axis < n_axes_; ++axis) above_[axis] = cells_[axis].cell_of(columns[axis][i]) + 1;
        return above_.data();
    }

    static Value last_of(const Sample& columns, std::size_t i) { return columns.size() == 1 ? 0 : columns.back()[i]; }

    std::size_t k_;
    const Tuning& tuning_;
    Memory* memory_;
    Sample sample_;
    std::size_t n_axes_, side_;
    CellTable table_;
    std::vector<Cells> cells_;
    std::vector<std::size_t> above_ = std::vector<std::size_t>(n_axes_);
};

View view_of(const Columns& block, const SweepOrder& order) {
    View view{nullptr, {}, block.n_rows};
    for (const std::size_t metric : order.metrics) view.columns.push_back(block.column(metric));
    return view;
}

View view_of(const PrefilteredRows& rows) {
    View view{rows.numbers.data(), {}, rows.numbers.size()};
    for (const std::pmr::vector<Value>& column : rows.columns) view.columns.push_back(column.data());
    return view;
}

PrefilteredRows all_of(const View& view, Memory* memory) {
    PrefilteredRows rows(memory);
    rows.numbers.resize(view.n_rows);
    std::iota(rows.numbers.begin(), rows.numbers.end(), Index{0});
    for (const Value* column : view.columns) rows.columns.emplace_back(column, column + view.n_rows);
    return rows;
}

}  // namespace

PrefilteredRows prefilter(const Columns& block, const SweepOrder& order, std::size_t k, Cancel& cancel,
                          const Tuning& tuning, Memory* memory) {
    const View all = view_of(block, order);
    if (order.n_sums == 0 || block.n_rows <= tuning.prefilter_rows * k) return all_of(all, memory);
    Prefilter first(all, k, tuning, memory);
    if (!first.tells_anything()) return all_of(all, memory);
    PrefilteredRows rows = first.pass(all, cancel);
    std::size_t n_before = block.n_rows;
    while (rows.numbers.size() > tuning.prefilter_again_rows * k && rows.numbers.size() < n_before / 2 &&
           !cancel.requested()) {
        n_before = rows.numbers.size();
        const View left = view_of(rows);
        Prefilter again(left, k, tuning, memory);
        if (!again.tells_anything()) break;
        tuning.count(&PathCounts::prefilter_repeats);
        rows = again.pass(left, cancel);
    }
    return rows;
}

}  // namespace qabwnas

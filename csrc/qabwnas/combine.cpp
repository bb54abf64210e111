#include "qabwnas/combine.hpp"

#include "qabwnas/archive.hpp"

namespace qabwnas {

namespace {

constexpr std::size_t no_block = static_cast<std::size_t>(-1);

// Where a list stands: the next point of the long side, and the totals it makes with the list's own point.
struct Cursor {
    std::size_t list;
    std::size_t at;
};

}  // namespace

Combination::Combination(const Problem& problem, const SweepOrder& order) : order_(order) {
    Level empty{no_block, {}, {0}, {0}};
    for (const std::size_t m : order.metrics) {
        aggregations_.push_back(problem.aggregations[m]);
        empty.values.push_back(problem.origin[m]);
    }
    levels_.push_back(std::move(empty));
}

Status Combination::add(std::size_t block, const PrunedBlock& pruned, std::size_t max_points, Cancel& cancel) {
    Level next{block, {}, {}, {}};
    const bool all_sums = order_.n_sums == order_.size();
    const Status status = with_archive(box_with(pruned), [&](auto archive) {
        switch (all_sums ? order_.size() : 0) {
            case 2:
                return merge<2>(pruned, next, std::move(archive), max_points, cancel);
            case 3:
                return merge<3>(pruned, next, std::move(archive), max_points, cancel);
            case 4:
                return merge<4>(pruned, next, std::move(archive), max_points, cancel);
            default:
                return merge<0>(pruned, next, std::move(archive), max_points, cancel);
        }
    });
    levels_.push_back(std::move(next));
    return status;
}

// The box of all pairs' tested coordinates.
Box Combination::box_with(const PrunedBlock& pruned) const {
    Box box = tested_box(levels_.back().values, order_);
    const Box rows = tested_box(pruned.values, order_);
    for (std::size_t i = 0; i < box.low.size(); ++i) {
        const Aggregation aggregation = aggregations_[order_.first_tested() + i];
        box.low[i] = combine(aggregation, box.low[i], rows.low[i]);
        box.high[i] = combine(aggregation, box.high[i], rows.high[i]);
    }
    return box;
}

template <std::size_t D, class Archive>
Status Combination::merge(const PrunedBlock& pruned, Level& next, Archive archive, std::size_t max_points,
                          Cancel& cancel) {
    const std::size_t d = D > 0 ? D : order_.size(), first_tested = D > 0 ? 1 : order_.first_tested();
    const std::size_t n_sums = D > 0 ? D : order_.n_sums;
    const Level& front = levels_.back();
    const bool lists_are_rows = pruned.rows.size() <= front.size();
    const std::vector<Value>& list_values = lists_are_rows ? pruned.values : front.values;
    const std::vector<Value>& long_values = lists_are_rows ? front.values : pruned.values;
    const std::size_t n_lists = list_values.size() / d, n_long = long_values.size() / d;

    std::vector<Value> totals(n_lists * d);  // of every list's current pair
    const auto load = [&](const Cursor& cursor) {
        Value* total = &totals[cursor.list * d];
        const Value *a = &list_values[cursor.list * d], *b = &long_values[cursor.at * d];
        for (std::size_t i = 0; i < d; ++i) total[i] = D > 0 ? a[i] + b[i] : combine(aggregations_[i], a[i], b[i]);
        return total;
    };
    // Moves a list to its next pair that no kept point covers; what is covered once stays covered.
    const auto advance = [&](Cursor& cursor) {
        for (; cursor.at < n_long; ++cursor.at) {
            ++n_pairs_;
            if (!archive.covers(load(cursor) + first_tested)) return true;
        }
        return false;
    };
    const auto point_of = [&](const Cursor& c) { return static_cast<Index>(lists_are_rows ? c.at : c.list); };
    const auto row_of = [&](const Cursor& c) { return pruned.rows[lists_are_rows ? c.list : c.at]; };
    const auto later = [&](const Cursor& a, const Cursor& b) {
        const Value *x = &totals[a.list * d], *y = &totals[b.list * d];
        for (std::size_t i = 0; i < n_sums; ++i)
            if (x[i] != y[i]) return x[i] > y[i];
        return precedes(next.block, point_of(b), row_of(b), point_of(a), row_of(a));
    };

    std::vector<Cursor> heap;
    for (std::size_t list = 0; list < n_lists; ++list) {
        Cursor cursor{list, 0};
        if (advance(cursor)) heap.push_back(cursor);
    }
    std::make_heap(heap.begin(), heap.end(), later);
    while (!heap.empty()) {
        if (cancel.requested()) return Status::cancelled;
        std::pop_heap(heap.begin(), heap.end(), later);
        Cursor& cursor = heap.back();
        const Value* total = &totals[cursor.list * d];
        if (!archive.covers(total + first_tested)) {
            if (next.size() == max_points) return Status::limit;
            archive.insert(total + first_tested);
            next.values.insert(next.values.end(), total, total + d);
            next.parent.push_back(point_of(cursor));
            next.row.push_back(row_of(cursor));
        }
        ++cursor.at;
        if (advance(cursor))
            std::push_heap(heap.begin(), heap.end(), later);
        else
            heap.pop_back();
    }
    return Status::complete;
}

void Combination::choose(std::size_t i, Index* choice) const {
    for (std::size_t level = levels_.size() - 1; level > 0; --level) {
        choice[levels_[level].block] = levels_[level].row[i];
        i = static_cast<std::size_t>(levels_[level].parent[i]);
    }
}

bool Combination::precedes(std::size_t block, Index i, Index row_i, Index j, Index row_j) const {
    // The first difference in block order decides; blocks were combined in another order, so all are looked at.
    std::size_t decisive = no_block;
    bool less = false;
    const auto look = [&](std::size_t at, Index a, Index b) {
        if (a != b && (decisive == no_block || at < decisive)) {
            decisive = at;
            less = a < b;
        }
    };
    look(block, row_i, row_j);
    for (std::size_t level = levels_.size() - 1; level > 0 && i != j; --level) {
        const Level& at = levels_[level];
        const auto a = static_cast<std::size_t>(i), b = static_cast<std::size_t>(j);
        look(at.block, at.row[a], at.row[b]);
        i = at.parent[a];
        j = at.parent[b];
    }
    return less;
}

}  // namespace qabwnas

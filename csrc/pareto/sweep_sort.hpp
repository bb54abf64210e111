// Sorting points for a sweep: by a key first, and by the caller's order where keys tie. A bucket sort: keys are put
// into cells of equal width, then each cell is sorted.
//
// Complexity: O(n) expected if keys are spread evenly, O(n log n) at worst. Threads: calls share nothing.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "core/memory.hpp"
#include "core/problem.hpp"
#include "core/tuning.hpp"
#include "pareto/cell_table.hpp"

namespace qabwnas {

struct Keyed {
    Value key;
    std::uint32_t at;
};

// Points and scratch use the same memory resource. tie_before(a, b): whether the point at a comes before that at b
// where their keys are equal.
template <class TieBefore>
void sweep_sort(std::pmr::vector<Keyed>& points, std::pmr::vector<Keyed>& scratch, const Tuning& tuning,
                const TieBefore& tie_before) {
    const auto before = [&](const Keyed& a, const Keyed& b) {
        return a.key != b.key ? a.key < b.key : tie_before(a.at, b.at);
    };
    constexpr std::size_t points_per_cell = 2;
    constexpr std::ptrdiff_t few_in_a_cell = 16;
    const std::size_t n = points.size();
    if (n <= tuning.cell_sort_points) {
        std::sort(points.begin(), points.end(), before);
        return;
    }
    const auto [low, high] =
        std::minmax_element(points.begin(), points.end(), [](const Keyed& a, const Keyed& b) { return a.key < b.key; });
    tuning.count(&PathCounts::cell_sorts);
    const std::size_t n_cells = n / points_per_cell + 1;
    const Cells cells(low->key, high->key, n_cells);
    std::pmr::vector<std::uint32_t> ends(
        n_cells + 1, points.get_allocator());  // [c + 1]: while counting, the size of cell c; then where it ends
    for (const Keyed& point : points) ++ends[cells.cell_of(point.key) + 1];
    for (std::size_t c = 0; c < n_cells; ++c) ends[c + 1] += ends[c];
    scratch.resize(n);
    for (const Keyed& point : points) scratch[ends[cells.cell_of(point.key)]++] = point;
    points.swap(scratch);
    std::size_t start = 0;
    for (std::size_t c = 0; c < n_cells; ++c) {
        Keyed *first = points.data() + start, *last = points.data() + ends[c];
        start = ends[c];
        if (last - first > few_in_a_cell) {
            std::sort(first, last, before);
            continue;
        }
        for (Keyed* unsorted = first; unsorted < last; ++unsorted) {
            const Keyed point = *unsorted;
            Keyed* place = unsorted;
            for (; place > first && before(point, place[-1]); --place) *place = place[-1];
            *place = point;
        }
    }
}

}  // namespace qabwnas

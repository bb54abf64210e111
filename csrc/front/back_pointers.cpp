#include "front/back_pointers.hpp"

#include <algorithm>
#include <array>
#include <numeric>

namespace qabwnas {

void write_choice(const std::vector<LevelView>& levels, const std::vector<std::size_t>& points, Index* choice) {
    std::vector<std::size_t> blocks;
    for (const LevelView& level : levels) blocks.insert(blocks.end(), level.blocks.begin(), level.blocks.end());
    std::sort(blocks.begin(), blocks.end());
    std::vector<std::vector<std::size_t>> columns;  // of every level's blocks in the choice
    for (const LevelView& level : levels) {
        std::vector<std::size_t>& places = columns.emplace_back();
        for (const std::size_t block : level.blocks)
            places.push_back(
                static_cast<std::size_t>(std::lower_bound(blocks.begin(), blocks.end(), block) - blocks.begin()));
    }
    // Some points at a time go back level by level: their walks do not wait for one another.
    constexpr std::size_t at_once = 64;
    std::array<std::size_t, at_once> at;
    for (std::size_t first = 0; first < points.size(); first += at_once) {
        const std::size_t n_here = std::min(at_once, points.size() - first);
        std::copy_n(points.begin() + static_cast<std::ptrdiff_t>(first), n_here, at.begin());
        for (std::size_t level = levels.size(); level-- > 0;) {
            for (std::size_t i = 0; i < n_here; ++i) {
                const Index* pair = levels[level].pairs + 2 * at[i];
                const Index* candidates = levels[level].candidates(pair[1]);
                for (std::size_t c = 0; c < columns[level].size(); ++c)
                    choice[(first + i) * blocks.size() + columns[level][c]] = candidates[c];
                at[i] = static_cast<std::size_t>(pair[0]);
            }
        }
    }
}

std::pmr::vector<Index> whole_choice(const std::vector<Level>& levels, Memory* memory) {
    static_assert(sizeof(Pair) == 2 * sizeof(Index));
    std::vector<LevelView> views;
    std::size_t n_blocks = 0;
    for (const Level& level : levels) {
        views.push_back({level.blocks, level.choice.data(), reinterpret_cast<const Index*>(level.pairs.data())});
        n_blocks += level.blocks.size();
    }
    std::vector<std::size_t> points(levels.empty() ? 0 : levels.back().pairs.size());
    std::iota(points.begin(), points.end(), std::size_t{0});
    std::pmr::vector<Index> choice(points.size() * n_blocks, memory);
    write_choice(views, points, choice.data());
    return choice;
}

void FirstDifference::look_back(const std::vector<Level>& levels, Index x, Index y) {
    for (std::size_t at = levels.size(); at-- > 0 && x != y;) {
        const Level& level = levels[at];
        const Pair from_x = level.pairs[static_cast<std::size_t>(x)], from_y = level.pairs[static_cast<std::size_t>(y)];
        look(level.blocks, level.candidates(from_x.row), level.candidates(from_y.row));
        x = from_x.point;
        y = from_y.point;
    }
}

}  // namespace qabwnas

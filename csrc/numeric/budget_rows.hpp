// Lines of comma-separated budgets as whole units of decimal grids, rounded down.
//
// It reads what nearly all lines contain: plain decimals of at most 18 digits, with an optional exponent of one or two
// digits, blanks around them, or nothing for no budget. All other lines (units, quotes, more digits, mistakes) are
// reported and left to the caller. Complexity: O(characters). No state is shared between calls.
#pragma once

#include <string_view>
#include <vector>

#include "core/problem.hpp"

namespace qabwnas {

constexpr Value no_budget = std::int64_t{0x7fffffffffffffff};

// A line that was not read: its row, and where in the text it starts and ends, line break excluded.
struct OddLine {
    std::size_t row, start, end;
};

// The number of lines. The last one may lack its line feed.
std::size_t n_lines(std::string_view text);

// text: whole lines, ended by LF or CR LF. decimals: those of each column's grid, at least one column.
// units: (n_lines(text) × columns); a reported line has no_budget in each column.
std::vector<OddLine> budget_rows(std::string_view text, const std::vector<std::int64_t>& decimals, Value* units);

}  // namespace qabwnas

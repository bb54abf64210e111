// Lines of comma-separated budgets as whole units of decimal grids, rounded down.
//
// What is read here is what nearly every line has: plain decimals of at most 18 digits, perhaps with an exponent of one
// or two, blanks around them, or nothing for no budget. Every other line (units, quotes, more digits, mistakes) is
// reported, and left to a caller that knows them all. O(characters).
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

// The number of lines, of which the last may lack its line feed.
std::size_t n_lines(std::string_view text);

// text: whole lines, ended by LF or CR LF. decimals: of every column's grid, at least one.
// units: (n_lines(text) × columns); a line that is reported has no_budget everywhere.
std::vector<OddLine> budget_rows(std::string_view text, const std::vector<std::int64_t>& decimals, Value* units);

}  // namespace qabwnas

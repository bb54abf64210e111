#include "numeric/budget_rows.hpp"

#include "numeric/decimal.hpp"

namespace qabwnas {

namespace {

constexpr int most_digits = 18;
constexpr Value limit = Value{1} << 62;

class Cursor {
  public:
    explicit Cursor(std::string_view text) : at_(text.data()), end_(at_ + text.size()) {}

    bool at_end() const { return at_ == end_; }
    bool at_digit() const { return at_ != end_ && *at_ >= '0' && *at_ <= '9'; }
    int digit() { return *at_++ - '0'; }
    bool take(char wanted) {
        if (at_ == end_ || *at_ != wanted) return false;
        ++at_;
        return true;
    }
    void skip_blanks() {
        while (take(' ')) {
        }
    }

  private:
    const char* at_;
    const char* end_;
};

// Appends digits to the decimal; returns the number of digits read, leading zeros included.
int read_digits(Cursor& cursor, Decimal& decimal, int& n_significant) {
    int n = 0;
    for (; cursor.at_digit() && n_significant <= most_digits; ++n) {
        const int digit = cursor.digit();
        decimal.digits = decimal.digits * 10 + static_cast<std::uint64_t>(digit);
        n_significant += decimal.digits > 0 ? 1 : 0;
    }
    return n;
}

bool read_exponent(Cursor& cursor, Decimal& decimal) {
    const bool negative = cursor.take('-');
    if (!negative) cursor.take('+');
    if (!cursor.at_digit()) return false;
    int exponent = cursor.digit();
    if (cursor.at_digit()) exponent = exponent * 10 + cursor.digit();
    decimal.exponent += negative ? -exponent : exponent;
    return true;
}

// Reads a cell and the blanks around it; false if it is left to the caller.
bool read_cell(Cursor& cursor, std::int64_t decimals, Value& units) {
    Decimal decimal;
    int n_significant = 0;
    cursor.skip_blanks();
    decimal.negative = cursor.take('-');
    const bool has_sign = decimal.negative || cursor.take('+');
    int n_digits = read_digits(cursor, decimal, n_significant);
    const bool has_point = cursor.take('.');
    if (has_point) {
        const int n_decimals = read_digits(cursor, decimal, n_significant);
        decimal.exponent = -n_decimals;
        n_digits += n_decimals;
    }
    if (n_digits == 0) {
        units = no_budget;
        return !has_sign && !has_point;
    }
    if (n_significant > most_digits) return false;
    if ((cursor.take('e') || cursor.take('E')) && !read_exponent(cursor, decimal)) return false;
    cursor.skip_blanks();
    units = to_units(decimal, static_cast<int>(decimals), Rounding::floor);
    return units > -limit && units < limit;  // clipped values are left to the caller
}

bool read_line(std::string_view line, const std::vector<std::int64_t>& decimals, Value* units) {
    Cursor cursor(line);
    for (std::size_t column = 0; column < decimals.size(); ++column)
        if ((column > 0 && !cursor.take(',')) || !read_cell(cursor, decimals[column], units[column])) return false;
    return cursor.at_end();
}

}  // namespace

std::size_t n_lines(std::string_view text) {
    const auto n_feeds = static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
    return n_feeds + (text.empty() || text.back() == '\n' ? 0 : 1);
}

std::vector<OddLine> budget_rows(std::string_view text, const std::vector<std::int64_t>& decimals, Value* units) {
    std::vector<OddLine> odd;
    for (std::size_t row = 0, start = 0; start < text.size(); ++row, units += decimals.size()) {
        const std::size_t feed = std::min(text.find('\n', start), text.size());
        const std::size_t end = feed > start && text[feed - 1] == '\r' ? feed - 1 : feed;
        if (!read_line(text.substr(start, end - start), decimals, units)) {
            std::fill_n(units, decimals.size(), no_budget);
            odd.push_back({row, start, end});
        }
        start = feed + 1;
    }
    return odd;
}

}  // namespace qabwnas

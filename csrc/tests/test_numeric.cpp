// Decimal grids: doubles and lines of text.
#include "numeric/budget_rows.hpp"
#include "numeric/decimal.hpp"
#include "tests/tests.hpp"

namespace qabwnas::tests {

namespace {

void test_decimals() {
    expect(to_units(0.1, 18, Rounding::half_even) == 100'000'000'000'000'000, "a tenth is exact");
    expect(to_units(-2.5, 0, Rounding::half_even) == -2, "half to even");
    expect(to_units(-2.5, 0, Rounding::floor) == -3, "down");
    expect(to_units(1e300, 0, Rounding::floor) == Value{1} << 62, "clipped");
    expect(to_units(5e-324, 3, Rounding::half_even) == 0, "the smallest double");
    expect(to_units(-5e-324, 3, Rounding::floor) == -1, "the smallest double, down");
}

void test_budget_rows() {
    const std::string text = "1.25,\r\n -3e-1 ,2e3\n7kB,1\n1\n,,\n1,1e400\n99999999999999999999,0\n+,1\n0,5";
    std::vector<Value> units(2 * n_lines(text));
    std::vector<std::size_t> left;
    for (const OddLine& line : budget_rows(text, {1, 0}, units.data())) {
        left.push_back(line.row);
        if (line.row == 2) expect(text.substr(line.start, line.end - line.start) == "7kB,1", "place of an odd line");
    }
    expect(left == std::vector<std::size_t>{2, 3, 4, 5, 6, 7}, "odd lines are left to the caller");
    units.resize(4);
    expect(units == std::vector<Value>{12, unlimited, -3, 2000}, "plain lines are read");
    std::mt19937 random(11);  // for any bytes, nothing outside them is read
    const std::string alphabet = "019.,-+eE \r\n\"x";
    for (int example = 0; example < 2000; ++example) {
        std::string bytes;
        for (std::size_t n = random() % 40; n > 0; --n) bytes += alphabet[random() % alphabet.size()];
        std::vector<Value> found(3 * n_lines(bytes));
        const std::vector<OddLine> odd = budget_rows(bytes, {0, 9, 40}, found.data());
        expect(odd.size() <= n_lines(bytes), "lines left");
    }
}

}  // namespace

void test_numeric() {
    test_decimals();
    test_budget_rows();
}

}  // namespace qabwnas::tests

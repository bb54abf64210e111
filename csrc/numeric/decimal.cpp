#include "numeric/decimal.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <optional>

namespace qabwnas {

namespace {

constexpr std::uint64_t limit = std::uint64_t{1} << 62;
constexpr int n_powers = 20;

constexpr std::array<std::uint64_t, n_powers> powers_of_ten() {
    std::array<std::uint64_t, n_powers> powers{1};
    for (int i = 1; i < n_powers; ++i)
        powers[static_cast<std::size_t>(i)] = powers[static_cast<std::size_t>(i) - 1] * 10;
    return powers;
}

constexpr auto power_of_ten = powers_of_ten();

// The decimal with the fewest digits (at most 17) that reads back to value.
Decimal shortest(double value) {
    char text[32];
    const char* end = std::to_chars(text, text + sizeof text, std::fabs(value), std::chars_format::scientific).ptr;
    Decimal decimal;
    decimal.negative = std::signbit(value);
    const char* at = text;
    for (bool after_point = false; *at != 'e'; ++at) {
        if (*at == '.') {
            after_point = true;
            continue;
        }
        decimal.digits = decimal.digits * 10 + static_cast<std::uint64_t>(*at - '0');
        decimal.exponent -= after_point ? 1 : 0;
    }
    int exponent = 0;
    std::from_chars(at + (at[1] == '+' ? 2 : 1), end, exponent);
    decimal.exponent += exponent;
    return decimal;
}

// The powers of ten that doubles hold exactly.
constexpr int n_exact_powers = 23;

constexpr std::array<double, n_exact_powers> exact_powers_of_ten() {
    std::array<double, n_exact_powers> powers{1};
    for (std::size_t i = 1; i < n_exact_powers; ++i) powers[i] = powers[i - 1] * 10;
    return powers;
}

constexpr auto exact_power_of_ten = exact_powers_of_ten();

Value floor_of(double value) {
    const auto toward_zero = static_cast<Value>(value);  // std::floor is a call without SSE 4.1
    return toward_zero - (static_cast<double>(toward_zero) > value ? 1 : 0);
}

// The value rounded down, if double arithmetic proves the result; else nothing.
std::optional<Value> quick_floor(double value, int decimals) {
    constexpr double largest = 1e15;  // below 2^50
    if (decimals < 0 || decimals >= n_exact_powers) return {};
    const double power = exact_power_of_ten[static_cast<std::size_t>(decimals)], scaled = value * power;
    if (!(std::fabs(scaled) < largest)) return {};
    // A decimal of up to 15 digits is the shortest decimal of the double nearest to it.
    const Value nearest = floor_of(scaled + 0.5);
    if (static_cast<double>(nearest) / power == value) return nearest;
    // The shortest decimal is at most half an ulp from value. The product and the sums below are rounded once each. The
    // errors together are less than 2^-50 of the product.
    const double error = std::fabs(scaled) * 0x1p-50;
    const Value below = floor_of(scaled - error);
    if (below == floor_of(scaled + error)) return below;
    return {};
}

}  // namespace

Value to_units(const Decimal& decimal, int decimals, Rounding rounding) {
    const int shift = decimal.exponent + decimals;
    std::uint64_t units = 0;
    if (decimal.digits == 0) return 0;
    if (shift >= 0) {
        const bool fits = shift < n_powers && decimal.digits <= limit / power_of_ten[static_cast<std::size_t>(shift)];
        units = fits ? decimal.digits * power_of_ten[static_cast<std::size_t>(shift)] : limit;
    } else if (-shift < n_powers) {
        const std::uint64_t divisor = power_of_ten[static_cast<std::size_t>(-shift)];
        const std::uint64_t rest = decimal.digits % divisor;
        units = decimal.digits / divisor;
        if (rounding == Rounding::floor)
            units += decimal.negative && rest > 0 ? 1 : 0;
        else if (rest > divisor - rest || (rest == divisor - rest && units % 2 == 1))
            ++units;
    } else {
        units = rounding == Rounding::floor && decimal.negative ? 1 : 0;
    }
    const auto magnitude = static_cast<Value>(std::min(units, limit));
    return decimal.negative ? -magnitude : magnitude;
}

Value to_units(double value, int decimals, Rounding rounding) {
    if (rounding == Rounding::floor)
        if (const std::optional<Value> units = quick_floor(value, decimals)) return *units;
    return to_units(shortest(value), decimals, rounding);
}

}  // namespace qabwnas

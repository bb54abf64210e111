#include "qabwnas/prefilter.hpp"

#include <limits>
#include <numeric>

namespace qabwnas {

namespace {

constexpr std::size_t few_rows = 64;
constexpr std::size_t sample_size = 256;
constexpr unsigned n_rounds = 16;

// Rows with their metrics, column by column in sweep order, and the same scaled to [0, 1] for weighing.
struct Rows {
    std::vector<Index> numbers;
    std::vector<std::vector<Value>> columns;
    std::vector<std::vector<float>> scaled;
};

Rows copy_of(const Columns& block, const SweepOrder& order, std::vector<Index> numbers) {
    Rows rows;
    for (const std::size_t metric : order.metrics) {
        const Value* column = block.column(metric);
        std::vector<Value>& values = rows.columns.emplace_back(numbers.size());
        for (std::size_t i = 0; i < numbers.size(); ++i) values[i] = column[numbers[i]];
        const auto [low, high] = std::minmax_element(values.begin(), values.end());
        const double range = static_cast<double>(*high) - static_cast<double>(*low);
        const double origin = static_cast<double>(*low), scale = range > 0 ? 1 / range : 0;
        std::vector<float>& scaled = rows.scaled.emplace_back(numbers.size());
        for (std::size_t i = 0; i < numbers.size(); ++i)
            scaled[i] = static_cast<float>((static_cast<double>(values[i]) - origin) * scale);
    }
    rows.numbers = std::move(numbers);
    return rows;
}

// The round-th number of the van der Corput sequence, in (0, 1): weights that differ well from round to round.
float van_der_corput(unsigned round, unsigned base) {
    float number = 0, digit = 1;
    for (; round > 0; round /= base) {
        digit /= static_cast<float>(base);
        number += digit * static_cast<float>(round % base);
    }
    return number;
}

std::size_t champion_of(const Rows& rows, unsigned round, std::vector<float>& scores) {
    constexpr unsigned primes[] = {2, 3, 5, 7, 11, 13, 17, 19};
    const std::size_t n = rows.numbers.size();
    scores.assign(n, 0);
    for (std::size_t m = 0; m < rows.scaled.size(); ++m) {
        const float weight = van_der_corput(round, primes[m % std::size(primes)]);
        for (std::size_t i = 0; i < n; ++i) scores[i] += weight * rows.scaled[m][i];
    }
    return static_cast<std::size_t>(std::min_element(scores.begin(), scores.end()) - scores.begin());
}

// Drops the rows that the champion is less than in the first sum and at most in every other metric.
void remove_behind(Rows& rows, std::size_t champion, std::vector<char>& keep) {
    const std::size_t n = rows.numbers.size();
    keep.assign(n, 0);
    const Value least = rows.columns[0][champion];
    for (std::size_t i = 0; i < n; ++i) keep[i] = rows.columns[0][i] <= least;
    for (std::size_t m = 1; m < rows.columns.size(); ++m) {
        const Value bound = rows.columns[m][champion];
        const Value* column = rows.columns[m].data();
        for (std::size_t i = 0; i < n; ++i) keep[i] |= column[i] < bound;
    }
    const auto compact = [&](auto& values) {
        std::size_t kept = 0;
        for (std::size_t i = 0; i < n; ++i) {
            values[kept] = values[i];
            kept += static_cast<std::size_t>(keep[i]);
        }
        values.resize(kept);
    };
    for (auto& column : rows.columns) compact(column);
    for (auto& column : rows.scaled) compact(column);
    compact(rows.numbers);
}

// Lets champions thin out the rows, round by round; returns the champions, row-major in sweep order.
std::vector<Value> thin_out(Rows& rows) {
    std::vector<Value> champions;
    std::vector<float> scores;
    std::vector<char> keep;
    unsigned n_idle = 0;  // rounds in a row that removed next to nothing
    for (unsigned round = 1; round <= n_rounds && rows.numbers.size() > few_rows && n_idle < 4; ++round) {
        const std::size_t n = rows.numbers.size(), champion = champion_of(rows, round, scores);
        for (const auto& column : rows.columns) champions.push_back(column[champion]);
        remove_behind(rows, champion, keep);
        n_idle = n - rows.numbers.size() < n / 64 + 1 ? n_idle + 1 : 0;
    }
    return champions;
}

// The rows that no champion removes.
std::vector<Index> not_behind(const Columns& block, const SweepOrder& order, const std::vector<Value>& champions) {
    const std::size_t d = order.size();
    std::vector<const Value*> columns;
    for (const std::size_t metric : order.metrics) columns.push_back(block.column(metric));
    std::vector<Index> kept;
    for (std::size_t row = 0; row < block.n_rows; ++row) {
        bool removed = false;
        for (std::size_t c = 0; c < champions.size() && !removed; c += d) {
            removed = champions[c] < columns[0][row];
            for (std::size_t m = 1; m < d; ++m) removed &= champions[c + m] <= columns[m][row];
        }
        if (!removed) kept.push_back(static_cast<Index>(row));
    }
    return kept;
}

std::vector<Index> every(std::size_t step, std::size_t n) {
    std::vector<Index> numbers;
    for (std::size_t row = 0; row < n; row += step) numbers.push_back(static_cast<Index>(row));
    return numbers;
}

}  // namespace

std::vector<Index> prefilter(const Columns& block, const SweepOrder& order) {
    if (block.n_rows <= few_rows || order.n_sums == 0) return every(1, block.n_rows);
    // Champions of a sample first, so that the rounds over all rows work on few.
    Rows sample = copy_of(block, order, every(block.n_rows / sample_size + 1, block.n_rows));
    const std::vector<Value> champions = thin_out(sample);
    Rows rows = copy_of(block, order, not_behind(block, order, champions));
    thin_out(rows);
    return std::move(rows.numbers);
}

}  // namespace qabwnas

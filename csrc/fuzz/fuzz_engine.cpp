// A libFuzzer target. It makes a small problem and some requests from bytes, and compares the engine's answers with
// brute force. A difference is printed, and aborts. `make fuzz` builds it with ASan and UBSan and runs it.
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <limits>

#include "front/front.hpp"
#include "pareto/prune.hpp"
#include "query/first_fit.hpp"
#include "solve/top.hpp"
#include "tests/oracle.hpp"
#include "tests/shrunk.hpp"

using namespace qabwnas;
using oracle::Subnet;
using oracle::subnets_of;

namespace {

constexpr Value unlimited = std::numeric_limits<Value>::max(), lowest = std::numeric_limits<Value>::min();
constexpr std::size_t most_subnets = 600, plenty = std::size_t{1} << 30;

// Draws numbers from bytes; 0 after the last byte.
class Bytes {
  public:
    Bytes(const std::uint8_t* data, std::size_t size) : at_(data), end_(data + size) {}

    int byte() { return at_ < end_ ? *at_++ : 0; }
    // From low to high, inclusive, at most 256 values.
    int draw(int low, int high) { return low + byte() % (high - low + 1); }
    std::size_t count(int low, int high) { return static_cast<std::size_t>(draw(low, high)); }
    bool one_in(int n) { return draw(1, n) == n; }

  private:
    const std::uint8_t *at_, *end_;
};

// A problem, and the memory of its views.
struct Instance {
    std::vector<std::vector<Value>> memory;
    Problem problem;
};

// Values of one metric: few, so that they tie, or as large as totals may be, or in between.
class Scale {
  public:
    Scale(Bytes& bytes, std::size_t n_blocks) : has_origin_(bytes.one_in(2)), is_non_negative_(bytes.one_in(2)) {
        const Value share = largest_total / static_cast<Value>(n_blocks + (has_origin_ ? 1 : 0));
        const Value steps[] = {1, 1, 1000, Value{1} << 40, share / 64};
        step_ = steps[bytes.draw(0, 4)];
        const int spreads[] = {0, 1, 3, 64, 64, 64};  // the first makes a constant
        spread_ = spreads[bytes.draw(0, 5)];
    }

    Value draw(Bytes& bytes) const {
        const int steps = bytes.draw(is_non_negative_ ? 0 : -spread_, spread_);
        return step_ * steps;
    }

    Value draw_origin(Bytes& bytes) const { return has_origin_ ? draw(bytes) : 0; }

  private:
    bool has_origin_, is_non_negative_;
    int spread_;
    Value step_;
};

Instance instance_of(Bytes& bytes) {
    Instance instance;
    const int kind = bytes.draw(0, 31);
    const std::size_t n_metrics = kind == 0 ? bytes.count(13, 16) : bytes.count(1, kind < 8 ? 12 : 6);
    const std::size_t n_blocks = bytes.count(1, 5);
    const int most_rows = bytes.one_in(4) ? 60 : 12;
    std::vector<Scale> scales;
    for (std::size_t m = 0; m < n_metrics; ++m) {
        scales.emplace_back(bytes, n_blocks);
        const bool is_max = bytes.one_in(3);
        instance.problem.aggregations.push_back(is_max ? Aggregation::max : Aggregation::sum);
        instance.problem.origin.push_back(is_max && bytes.one_in(2) ? lowest : scales[m].draw_origin(bytes));
    }
    std::size_t room = most_subnets;
    for (std::size_t b = 0; b < n_blocks; ++b) {
        const std::size_t n_rows = std::min(bytes.count(1, most_rows), room);
        room /= n_rows;
        std::vector<Value>& values = instance.memory.emplace_back();
        for (const Scale& scale : scales)
            for (std::size_t row = 0; row < n_rows; ++row) values.push_back(scale.draw(bytes));
    }
    for (const std::vector<Value>& values : instance.memory) {
        const std::size_t n_rows = values.size() / n_metrics;
        instance.problem.blocks.push_back({values.data(), n_rows, n_rows});
    }
    return instance;
}

// Bounds at, just below and just above totals, far away, or none.
Value bound_near(const std::vector<Subnet>& all, std::size_t metric, Bytes& bytes) {
    const int high_byte = bytes.byte();
    const auto place = static_cast<std::size_t>(high_byte << 8 | bytes.byte());
    const Value total = all[place % all.size()].totals[metric];
    switch (bytes.draw(0, 7)) {
        case 0:
            return -largest_total - 1;
        case 1:
            return largest_total;
        case 2:
        case 3:
            return unlimited;
        default:
            return std::clamp(total + bytes.draw(-1, 1), -largest_total - 1, largest_total);
    }
}

std::vector<Value> bounds_near(const std::vector<Subnet>& all, Bytes& bytes) {
    std::vector<Value> bounds;
    for (std::size_t m = 0; m < all[0].totals.size(); ++m) bounds.push_back(bound_near(all, m, bytes));
    return bounds;
}

void expect(bool holds, const char* what) {
    if (holds) return;
    std::fprintf(stderr, "the engine differs from brute force: %s\n", what);
    std::abort();
}

bool are_among(const std::vector<Subnet>& subnets, const std::vector<Subnet>& sorted) {
    return std::all_of(subnets.begin(), subnets.end(),
                       [&](const Subnet& subnet) { return std::binary_search(sorted.begin(), sorted.end(), subnet); });
}

// Production values, or those with which small inputs take the paths of large ones.
Tuning tuning_of(Bytes& bytes) {
    if (bytes.one_in(4)) return {};
    return shrunk([&](int low, int high) { return bytes.draw(low, high); });
}

void check_pruning(const Problem& problem, Bytes& bytes, const Tuning& tuning) {
    const std::size_t k = bytes.count(1, 6);
    const SweepOrder order(problem.aggregations);
    for (const Columns& block : problem.blocks) {
        Cancel cancel;
        PrunedBlock pruned = prune(block, order, k, cancel, tuning);
        sort_rows(pruned.rows, block.n_rows);
        expect(std::ranges::equal(pruned.rows, oracle::pruned(block, problem.aggregations, k)), "pruning");
    }
}

void check_front(const Problem& problem, const std::vector<Subnet>& all, Bytes& bytes, const Tuning& tuning) {
    const std::vector<Value> high =
        bytes.one_in(2) ? bounds_near(all, bytes) : std::vector<Value>(problem.n_metrics(), unlimited);
    const std::size_t max_bytes = bytes.one_in(4) ? 400 * bytes.count(0, 255) : plenty;
    Cancel cancel;
    const Front found = front(problem, {high, 0, max_bytes}, cancel, tuning);
    const std::vector<Subnet> expected = oracle::within(oracle::front(all), high);
    expect(found.memory->peak() <= max_bytes, "the memory of a front");
    if (found.status == Status::limit) {
        expect(max_bytes < plenty && found.totals.empty() && found.levels.empty(), "a front at its limit");
        return;
    }
    expect(subnets_of(found, problem) == expected, "the front");
    expect(found.status == (expected.empty() ? Status::infeasible : Status::complete), "the front's status");
    if (!expected.empty()) expect(found.n_points == expected.size(), "the front's number of points");
}

// A thinned front needs an objective without negative values and without upper bound.
void check_thinned_front(const Problem& problem, const std::vector<Subnet>& all, Bytes& bytes, const Tuning& tuning) {
    std::vector<Value> high = bounds_near(all, bytes);
    high[0] = unlimited;
    const double most_slack = bytes.one_in(2) ? 1.0 : 0.01;
    const double slack = most_slack * bytes.draw(1, 255) / 255;
    if (problem.origin[0] < 0 && problem.origin[0] != lowest) return;
    for (const Columns& block : problem.blocks)
        if (*std::min_element(block.data, block.data + block.n_rows) < 0) return;
    Cancel cancel;
    const Front found = front(problem, {high, slack, plenty}, cancel, tuning);
    const std::vector<Subnet> kept = subnets_of(found, problem);
    expect(are_among(kept, all) && kept == oracle::front(kept), "a thinned front is a front of subnets");
    expect(oracle::within(kept, high) == kept, "the bounds of a thinned front");
    const double factor = std::pow(1 + slack, static_cast<double>(problem.n_blocks())) * (1 + 1e-12);
    for (const Subnet& subnet : oracle::within(oracle::front(all), high)) {
        std::vector<Value> loose = subnet.totals;
        loose[0] = static_cast<Value>(std::min(static_cast<double>(loose[0]) * factor, 9.2e18));
        const auto dominates = [&](const Subnet& other) { return oracle::at_most(other.totals, loose); };
        expect(std::any_of(kept.begin(), kept.end(), dominates), "a thinned front nearly dominates the whole one");
    }
}

void check_top(const Problem& problem, const std::vector<Subnet>& all, Bytes& bytes, const Tuning& tuning) {
    const std::vector<Value> budgets = bounds_near(all, bytes);
    const std::size_t k = bytes.one_in(2) ? 1 : bytes.count(1, 20);
    const std::size_t min_distance = bytes.one_in(2) ? 1 : bytes.count(1, 6);
    const std::size_t max_nodes = bytes.one_in(4) ? bytes.count(0, 255) : plenty;
    Cancel cancel;
    const Top found = top(problem, budgets, k, min_distance, {max_nodes, 1e300}, cancel, tuning);
    const std::vector<Subnet> feasible = oracle::within(all, budgets), best = subnets_of(found, problem);
    if (found.status == Status::limit) {
        expect(max_nodes < plenty, "a search stops at a limit only");
        expect(are_among(best, feasible) && best.size() <= k, "a search at its limit has feasible subnets");
        for (std::size_t i = 0; i < best.size(); ++i)
            expect(oracle::keeps_min_distance(best[i], {best.begin(), best.begin() + static_cast<std::ptrdiff_t>(i)},
                                              min_distance),
                   "a search at its limit keeps the distance");
        if (!feasible.empty()) expect(found.bound <= feasible[0].totals[0], "the bound of a search at its limit");
        return;
    }
    expect(best == oracle::top(feasible, k, min_distance), "the best subnets");
    expect(found.status == (feasible.empty() ? Status::infeasible : Status::complete), "the search's status");
    if (!feasible.empty()) expect(found.bound == feasible[0].totals[0], "the bound of a complete search");
}

// The minima above the points of n_metrics columns, level after level, column after column.
std::vector<Value> minima_over(const Columns& points, std::size_t n_metrics) {
    std::vector<Value> minima;
    for (std::size_t m = 0; m < n_metrics; ++m) {
        std::vector<Value> level(points.column(m), points.column(m) + points.n_rows);
        while (level.size() > MinimumTree::fanout) {
            std::vector<Value> above;
            for (std::size_t i = 0; i < level.size(); ++i)
                if (i % MinimumTree::fanout == 0)
                    above.push_back(level[i]);
                else
                    above.back() = std::min(above.back(), level[i]);
            minima.insert(minima.end(), above.begin(), above.end());
            level = std::move(above);
        }
    }
    return minima;
}

void check_queries(const std::vector<Subnet>& all, Bytes& bytes, const Tuning& tuning) {
    const std::size_t n = all.size(), n_metrics = all[0].totals.size(), n_queries = bytes.count(1, 60);
    std::vector<Value> values;
    for (std::size_t m = 0; m < n_metrics; ++m)
        for (const Subnet& subnet : all) values.push_back(subnet.totals[m]);
    const Columns points{values.data(), n, n};
    const std::vector<Value> minima = minima_over(points, n_metrics);
    const std::size_t n_minima = MinimumTree::n_minima(n);
    expect(minima.size() == n_minima * n_metrics, "the number of minima");
    std::vector<std::size_t> metrics;
    for (std::size_t m = n_metrics; m-- > 0;)
        if (metrics.empty() || !bytes.one_in(2)) metrics.push_back(m);
    std::vector<Value> budgets;
    for (std::size_t q = 0; q < n_queries; ++q)
        for (const std::size_t m : metrics) budgets.push_back(bound_near(all, m, bytes));
    std::vector<std::int64_t> found(n_queries);
    first_fits({points, {minima.data(), n_minima, n_minima}}, metrics, budgets.data(), n_queries, 1, found.data(),
               tuning);
    for (std::size_t q = 0; q < n_queries; ++q)
        expect(found[q] == oracle::first_fit(points, metrics, &budgets[q * metrics.size()]), "a first fit");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    Bytes bytes(data, size);
    const Instance instance = instance_of(bytes);
    const std::vector<Subnet> all = oracle::subnets(instance.problem);
    const Tuning tuning = tuning_of(bytes);
    check_pruning(instance.problem, bytes, tuning);
    check_front(instance.problem, all, bytes, tuning);
    check_thinned_front(instance.problem, all, bytes, tuning);
    check_top(instance.problem, all, bytes, tuning);
    check_queries(all, bytes, tuning);
    return 0;
}

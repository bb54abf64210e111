// The engine alone, without Python: random problems against brute force, and the edges. Built with ASan and UBSan by
// `make core-test`; prints what fails and exits with 1.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <limits>
#include <random>
#include <string>

#include "baselines/brute_force.hpp"
#include "baselines/dna_traversal.hpp"
#include "front/front.hpp"
#include "numeric/budget_rows.hpp"
#include "numeric/decimal.hpp"
#include "pareto/prune.hpp"
#include "query/first_fit.hpp"
#include "solve/top.hpp"
#include "tests/counted_new.hpp"
#include "tests/oracle.hpp"
#include "tests/shrunk.hpp"

using namespace qabwnas;
using oracle::Subnet;
using oracle::subnets_of;

namespace {

constexpr Value unlimited = std::numeric_limits<Value>::max();
constexpr std::size_t plenty = std::size_t{1} << 30;
constexpr TopLimits no_limits{plenty, 1e300};
int n_failures = 0;

void expect(bool holds, const std::string& what) {
    if (holds) return;
    ++n_failures;
    std::printf("FAILED: %s\n", what.c_str());
}

// A problem and the memory that its views look at.
struct Instance {
    std::vector<std::vector<Value>> memory;
    Problem problem;
};

int draw_metrics(std::mt19937& random) {
    const int kind = std::uniform_int_distribution<int>(0, 19)(random);
    return std::uniform_int_distribution<int>(kind == 0 ? 13 : 1, kind == 0 ? 16 : kind < 6 ? 12 : 5)(random);
}

// Counts, over all tests, the paths that only large inputs take in production.
PathCounts counts;

// Production values in a third of the cases, with which nothing is counted.
Tuning random_tuning(std::mt19937& random) {
    if (random() % 3 == 0) return {};
    Tuning tuning = shrunk([&](int low, int high) { return std::uniform_int_distribution<int>(low, high)(random); });
    tuning.counts = &counts;
    return tuning;
}

// Metrics are few-valued or constant, or of many values; an arrangement where no sum has many values is common.
Instance random_instance(std::mt19937& random, int most_rows = 7) {
    const auto draw = [&](int low, int high) { return std::uniform_int_distribution<int>(low, high)(random); };
    Instance instance;
    const int n_metrics = draw_metrics(random), n_blocks = draw(1, 4);
    std::vector<int> spreads;
    for (int m = 0; m < n_metrics; ++m) {
        instance.problem.aggregations.push_back(draw(0, 3) ? Aggregation::sum : Aggregation::max);
        instance.problem.origin.push_back(draw(-2, 2));
        spreads.push_back(std::array{0, 1, 4, 1000, 1000}[random() % 5]);
    }
    for (int b = 0; b < n_blocks; ++b) {
        const int n_rows = draw(1, most_rows);
        std::vector<Value>& values = instance.memory.emplace_back();
        for (const int spread : spreads)
            for (int row = 0; row < n_rows; ++row) values.push_back(draw(-spread, spread));
    }
    for (const std::vector<Value>& values : instance.memory) {
        const std::size_t n_rows = values.size() / static_cast<std::size_t>(n_metrics);
        instance.problem.blocks.push_back({values.data(), n_rows, n_rows});
    }
    return instance;
}

std::vector<Value> random_budgets(const std::vector<Subnet>& all, std::mt19937& random) {
    std::vector<Value> budgets(all[0].totals.size(), unlimited);
    for (std::size_t m = 0; m < budgets.size(); ++m)
        if (random() % 2) budgets[m] = all[random() % all.size()].totals[m];
    return budgets;
}

void test_fronts_and_searches() {
    std::mt19937 random(20261124);
    for (int example = 0; example < 400; ++example) {
        const Instance instance = random_instance(random);
        const Problem& problem = instance.problem;
        const std::vector<Subnet> all = oracle::subnets(problem);

        Cancel cancel;
        const Tuning tuning = random_tuning(random);
        const std::vector<Value> none(problem.n_metrics(), unlimited);
        const Front found = front(problem, {none, 0, plenty}, cancel, tuning);
        expect(subnets_of(found, problem) == oracle::front(all), "front of example " + std::to_string(example));

        const std::vector<Value> budgets = random_budgets(all, random);
        std::vector<Subnet> feasible = oracle::within(all, budgets);
        const std::size_t k = random() % 2 ? 1 : 1 + random() % 12;
        feasible.resize(std::min(feasible.size(), k));
        const Top best = top(problem, budgets, k, 1, no_limits, cancel, tuning);
        expect(subnets_of(best, problem) == feasible, "top of example " + std::to_string(example));
        expect(best.status == (feasible.empty() ? Status::infeasible : Status::complete), "status");
        if (!feasible.empty()) expect(best.bound == feasible[0].totals[0], "bound of a complete search");
    }
}

void test_bounded_fronts() {
    std::mt19937 random(20261125);
    for (int example = 0; example < 400; ++example) {
        Instance instance = random_instance(random);
        for (std::vector<Value>& values : instance.memory) {
            const std::size_t n_rows = values.size() / instance.problem.n_metrics();
            for (std::size_t row = 0; row < n_rows; ++row) values[row] = std::abs(values[row]);
        }
        instance.problem.origin[0] = 1;
        const Problem& problem = instance.problem;
        const std::vector<Subnet> all = oracle::subnets(problem);
        const std::vector<Value> budgets = random_budgets(all, random);
        const std::vector<Subnet> within = oracle::within(oracle::front(all), budgets);
        Cancel cancel;
        const Tuning tuning = random_tuning(random);
        const Front part = front(problem, {budgets, 0, plenty}, cancel, tuning);
        expect(subnets_of(part, problem) == within, "part of the front of example " + std::to_string(example));
        expect(part.status == (within.empty() ? Status::infeasible : Status::complete), "status of a part");

        std::vector<Value> no_loss = budgets;
        no_loss[0] = unlimited;
        const double slack = 0.2;
        const std::vector<Subnet> loose = subnets_of(front(problem, {no_loss, slack, plenty}, cancel, tuning), problem);
        expect(loose == oracle::front(loose), "a loose front is a front, sorted");
        for (Subnet subnet : oracle::front(all)) {
            if (!oracle::at_most(subnet.totals, no_loss)) continue;
            for (std::size_t block = 0; block < problem.n_blocks(); ++block)
                subnet.totals[0] += static_cast<Value>(static_cast<double>(subnet.totals[0]) * slack) + 1;
            const auto covers = [&](const Subnet& kept) { return oracle::at_most(kept.totals, subnet.totals); };
            expect(std::any_of(loose.begin(), loose.end(), covers), "slack of example " + std::to_string(example));
        }
    }
}

void test_brute_force() {
    std::mt19937 random(20261126);
    for (int example = 0; example < 400; ++example) {
        const Instance instance = random_instance(random);
        const std::vector<Subnet> all = oracle::subnets(instance.problem);
        const std::vector<Value> budgets = random_budgets(all, random);
        std::vector<Subnet> feasible = oracle::within(all, budgets);
        feasible.resize(std::min(feasible.size(), std::size_t{1}));
        Cancel cancel;
        const Tuning tuning = random_tuning(random);
        const Subnets best = brute_force(instance.problem, budgets, plenty, cancel, tuning);
        expect(subnets_of(best, instance.problem) == feasible, "brute force of example " + std::to_string(example));
        expect(best.n_pairs == all.size(), "brute force makes every subnet");
        const Subnets stopped = brute_force(instance.problem, budgets, all.size() - 1, cancel, tuning);
        expect(stopped.status == Status::limit && stopped.n_pairs == all.size() - 1, "brute force past its limit");
    }
}

void test_dna_traversal() {
    std::mt19937 random(20261127);
    for (int example = 0; example < 2000; ++example) {
        Instance instance = random_instance(random);
        Problem& problem = instance.problem;
        if (problem.n_metrics() < 2) continue;
        problem.aggregations.assign(2, Aggregation::sum);
        problem.origin.resize(2);
        std::vector<Subnet> all = oracle::subnets(problem);
        const Value budget = all[random() % all.size()].totals[1] - (random() % 4 == 0);
        std::erase_if(all, [&](const Subnet& subnet) { return subnet.totals[1] > budget; });
        Cancel cancel;
        const Subnets repaired = dna_traversal(problem, budget, true, plenty, cancel);
        const Subnets published = dna_traversal(problem, budget, false, plenty, cancel);
        expect(repaired.status == (all.empty() ? Status::infeasible : Status::complete), "status of DNA, repaired");
        if (!all.empty()) expect(repaired.totals[0] == all[0].totals[0], "DNA, repaired, is exact");
        if (!published.totals.empty()) {
            expect(published.totals[1] <= budget, "DNA as published keeps the budget");
            expect(published.totals[0] >= all[0].totals[0], "DNA as published never beats the best");
        }
    }
}

void test_limits() {
    std::mt19937 random(7);
    Instance instance = random_instance(random);
    while (oracle::subnets(instance.problem).size() < 50) instance = random_instance(random);
    Cancel cancel;
    const std::vector<Value> none(instance.problem.n_metrics(), unlimited);
    const Top best = top(instance.problem, none, 1, 1, {1, 1e300}, cancel);
    expect(best.status == Status::limit, "a search past its nodes says so");
    expect(best.bound <= oracle::subnets(instance.problem)[0].totals[0], "its bound is below the optimum");
    const Front stopped = front(instance.problem, {none, 0, 100}, cancel);
    expect(stopped.status == Status::limit && stopped.totals.empty(), "a front past its memory says so");
    Cancel at_once([] { return true; });
    while (!at_once.requested()) {
    }
    expect(front(instance.problem, {none, 0, plenty}, at_once).status == Status::cancelled,
           "a cancelled front says so");
    expect(top(instance.problem, none, 1, 1, no_limits, at_once).status == Status::cancelled,
           "a cancelled search says so");
}

// The first point within budgets, by looking at one after the other.
std::int64_t scan(const std::vector<std::vector<Value>>& costs, const std::vector<Value>& budget) {
    for (std::size_t i = 0; i < costs[0].size(); ++i) {
        bool fits = true;
        for (std::size_t m = 0; m < costs.size(); ++m) fits &= costs[m][i] <= budget[m];
        if (fits) return static_cast<std::int64_t>(i);
    }
    return -1;
}

// The minima above points, level after level, column behind column.
std::vector<Value> minima_over(const std::vector<std::vector<Value>>& columns) {
    std::vector<Value> minima;
    for (std::vector<Value> level : columns) {
        while (level.size() > MinimumTree::fanout) {
            std::vector<Value> above;
            for (std::size_t i = 0; i < level.size(); ++i)
                if (i % MinimumTree::fanout == 0)
                    above.push_back(level[i]);
                else
                    above.back() = std::min(above.back(), level[i]);
            minima.insert(minima.end(), above.begin(), above.end());
            level = above;
        }
    }
    return minima;
}

void test_first_fits() {
    std::mt19937 random(3);
    for (int example = 0; example < 300; ++example) {
        const bool many = example % 50 == 0;  // levels of nodes, and queries enough for several threads
        const std::size_t n = 1 + random() % (many ? 3000 : 40), n_metrics = 1 + random() % 3;
        const std::size_t n_queries = 1 + (many ? 70'000 : random() % 80), n_asked = many ? 200 : n_queries;
        const Value scale = example % 3 == 0 ? Value{1} << 56 : 1;  // so wide that doubles round
        std::vector<std::vector<Value>> costs(n_metrics);
        std::vector<Value> points;
        for (std::vector<Value>& column : costs) {
            for (std::size_t i = 0; i < n; ++i) column.push_back((static_cast<Value>(random() % 60) - 30) * scale);
            points.insert(points.end(), column.begin(), column.end());
        }
        const std::vector<Value> minima = minima_over(costs);
        const std::size_t n_minima = MinimumTree::n_minima(n);
        expect(minima.size() == n_minima * n_metrics, "number of minima");
        const MinimumTree tree{{points.data(), n, n}, {minima.data(), n_minima, n_minima}};
        std::vector<std::size_t> metrics;
        std::vector<std::vector<Value>> budgeted;
        for (std::size_t m = n_metrics; m-- > 0;) {
            if (!metrics.empty() && random() % 4 == 0) continue;
            metrics.push_back(m);
            budgeted.push_back(costs[m]);
        }
        std::vector<Value> budgets;
        for (std::size_t i = 0; i < n_queries * metrics.size(); ++i)
            budgets.push_back(random() % 8 ? (static_cast<Value>(random() % 64) - 32) * scale + random() % 2
                                           : unlimited);
        std::vector<std::int64_t> found(n_queries), on_two(n_queries);
        const Tuning tuning = random_tuning(random);
        first_fits(tree, metrics, budgets.data(), n_queries, 1, found.data(), tuning);
        first_fits(tree, metrics, budgets.data(), n_queries, many ? 2 : 3, on_two.data(), tuning);
        expect(found == on_two, "first fits on several threads");
        for (std::size_t q = 0; q < n_queries; q += n_queries / n_asked) {
            const auto budget = budgets.begin() + static_cast<std::ptrdiff_t>(q * metrics.size());
            expect(found[q] == scan(budgeted, {budget, budget + std::ssize(metrics)}), "first fit");
        }
    }
}

void test_pruning() {
    std::mt19937 random(20261128);
    for (int example = 0; example < 600; ++example) {
        const Instance instance = random_instance(random, 40);
        const std::size_t k = random() % 2 ? 1 : 1 + random() % 5;
        const Tuning tuning = random_tuning(random);
        for (const Columns& block : instance.problem.blocks) {
            Cancel cancel;
            const SweepOrder order(instance.problem.aggregations);
            PrunedBlock pruned = prune(block, order, k, cancel, tuning);
            sort_rows(pruned.rows, block.n_rows);
            expect(std::ranges::equal(pruned.rows, oracle::pruned(block, instance.problem.aggregations, k)),
                   "pruning of example " + std::to_string(example));
        }
    }
}

// Blocks of rows, the first metric of each with so many values.
Instance large_instance(std::mt19937& random, int n_metrics, int n_maxima, int n_blocks, int n_rows, int n_first) {
    Instance instance;
    for (int m = 0; m < n_metrics; ++m) {
        instance.problem.aggregations.push_back(m < n_metrics - n_maxima ? Aggregation::sum : Aggregation::max);
        instance.problem.origin.push_back(0);
    }
    for (int b = 0; b < n_blocks; ++b) {
        std::vector<Value>& values = instance.memory.emplace_back();
        for (int i = 0; i < n_metrics * n_rows; ++i)
            values.push_back(i < n_rows ? static_cast<Value>(random() % static_cast<unsigned>(n_first))
                                        : static_cast<Value>(random() % 100'000));
    }
    for (const std::vector<Value>& values : instance.memory) {
        const auto n = static_cast<std::size_t>(n_rows);
        instance.problem.blocks.push_back({values.data(), n, n});
    }
    return instance;
}

// What is really allocated never passes the limit, wherever building a front meets it, and any larger limit gives the
// same front.
void test_memory_limits() {
    std::mt19937 random(20261129);
    struct Case {
        int n_metrics, n_maxima, n_blocks, n_rows, n_first;
    };
    for (const Case& of : {Case{2, 0, 5, 60, 100'000}, Case{3, 0, 3, 30, 1}, Case{3, 2, 4, 30, 1}, Case{4, 0, 3, 20, 2},
                           Case{4, 4, 4, 40, 5}, Case{5, 0, 2, 25, 1000}, Case{12, 0, 2, 12, 3}}) {
        const Instance instance = large_instance(random, of.n_metrics, of.n_maxima, of.n_blocks, of.n_rows, of.n_first);
        const std::vector<Value> none(instance.problem.n_metrics(), unlimited);
        const std::string name = std::to_string(of.n_metrics) + " metrics";
        for (const bool is_shrunk : {false, true}) {
            Tuning tuning;
            if (is_shrunk) {
                tuning.most_open_pairs = 300;
                tuning.fewest_slab_pairs = tuning.most_slab_pairs = 50;
            }
            Cancel cancel;
            const Front whole = front(instance.problem, {none, 0, plenty}, cancel, tuning);
            expect(whole.status == Status::complete, "a front of " + name);
            const std::size_t peak = whole.memory->peak();
            std::size_t n_limits = 0;
            for (std::size_t max_bytes = 1000; max_bytes < 2 * peak; max_bytes += max_bytes / 3) {
                counted_new::Peak allocated;
                const Front found = front(instance.problem, {none, 0, max_bytes}, cancel, tuning);
                // Beside what is counted: orders, bounds, the box of an index, a few hundred bytes a block and metric.
                const std::size_t uncounted = 4096 + 1024 * instance.problem.n_blocks();
                expect(allocated.bytes() <= max_bytes + uncounted, "the memory of a front of " + name);
                expect(found.memory->peak() <= max_bytes, "the account of a front of " + name);
                if (found.status == Status::limit) {
                    ++n_limits;
                    expect(found.totals.empty() && found.levels.empty(), "nothing is left of a front at its limit");
                    continue;
                }
                expect(found.status == Status::complete && found.totals == whole.totals, "a limited front of " + name);
            }
            expect(n_limits > 1, "limits are met");
            const Front again = front(instance.problem, {none, 0, peak}, cancel, tuning);
            expect(again.status == Status::complete, "a front takes as much memory as it did");
        }
    }
}

void test_points_that_cannot_be_numbered() {
    std::mt19937 random(5);
    const Instance instance = large_instance(random, 3, 0, 3, 20, 1000);
    const std::vector<Value> none(3, unlimited);
    Cancel cancel;
    Tuning tuning;
    const Front whole = front(instance.problem, {none, 0, plenty}, cancel, tuning);
    tuning.most_points = whole.n_points;
    expect(front(instance.problem, {none, 0, plenty}, cancel, tuning).totals == whole.totals,
           "points that are numbered");
    tuning.most_points = whole.n_points - 1;
    const Front stopped = front(instance.problem, {none, 0, plenty}, cancel, tuning);
    expect(stopped.status == Status::limit && stopped.n_points == whole.n_points - 1 && stopped.totals.empty(),
           "a front of more points than can be numbered says so");
}

// Staircases that are thinned bound less, and change no answer.
void test_thinned_staircases() {
    std::mt19937 random(13);
    for (int example = 0; example < 20; ++example) {
        const Instance instance = large_instance(random, 2, 0, 4, 12, 1000);
        const std::vector<Subnet> all = oracle::subnets(instance.problem);
        const std::vector<Value> budgets{unlimited, all[random() % all.size()].totals[1]};
        Tuning tuning;
        tuning.most_staircase_steps = 1 + random() % 4;
        tuning.counts = &counts;
        std::vector<Subnet> feasible = oracle::within(all, budgets);
        feasible.resize(std::min<std::size_t>(feasible.size(), 5));
        Cancel cancel;
        const Top best = top(instance.problem, budgets, 5, 1, no_limits, cancel, tuning);
        expect(subnets_of(best, instance.problem) == feasible, "top behind thinned staircases");
    }
}

// A constant or few-valued first metric costs no more than the same one last.
void test_sweeps_by_many_totals() {
    std::mt19937 random(9);
    for (const int n_first : {1, 2, 4}) {
        Instance first = large_instance(random, 4, 0, 4, 30, n_first), last = first;
        for (std::size_t b = 0; b < first.memory.size(); ++b) {
            std::vector<Value>& values = last.memory[b];
            std::rotate(values.begin(), values.begin() + 30, values.end());
            last.problem.blocks[b].data = values.data();
        }
        const std::vector<Value> none(4, unlimited);
        Cancel cancel;
        const Front with_first = front(first.problem, {none, 0, plenty}, cancel);
        const Front with_last = front(last.problem, {none, 0, plenty}, cancel);
        expect(with_first.n_points == with_last.n_points, "the same front, with its metrics in another order");
        expect(with_first.memory->peak() <= 2 * with_last.memory->peak(), "memory does not depend on that order");
        std::vector<Value> rotated;
        for (std::size_t i = 0; i < with_first.n_points; ++i)
            for (std::size_t m = 0; m < 4; ++m) rotated.push_back(with_first.totals[4 * i + (m + 1) % 4]);
        std::vector<std::vector<Value>> a, b;
        for (std::size_t i = 0; i < with_last.n_points; ++i) {
            a.emplace_back(rotated.begin() + static_cast<std::ptrdiff_t>(4 * i),
                           rotated.begin() + static_cast<std::ptrdiff_t>(4 * i + 4));
            b.emplace_back(with_last.totals.begin() + static_cast<std::ptrdiff_t>(4 * i),
                           with_last.totals.begin() + static_cast<std::ptrdiff_t>(4 * i + 4));
        }
        std::sort(a.begin(), a.end());
        expect(a == b, "the same totals, with their metrics in another order");
    }
}

void test_that_paths_ran() {
    const auto ran = [](std::size_t n, const char* path) {
        std::printf("  %8zu %s\n", n, path);
        expect(n > 0, std::string("no test took the path of ") + path);
    };
    ran(counts.prefilter_rounds, "prefilters");
    ran(counts.prefilter_repeats, "prefilters of what a prefilter left");
    ran(counts.large_indexes, "large dominance indexes");
    ran(counts.cell_sorts, "sorts by cells");
    ran(counts.merges_with_table, "merges with a table");
    ran(counts.merges_without_table, "merges without one");
    ran(counts.exact_axes, "axes with a cell for every value");
    ran(counts.slab_reductions, "reductions of a slab");
    ran(counts.reordered_sweeps, "sweeps by another sum than the first");
    ran(counts.joined_blocks, "blocks joined to another");
    ran(counts.pricings, "searches that price rows");
    ran(counts.cores, "searches of a core");
    ran(counts.improvements, "improvements of the best subnet");
    ran(counts.nodes_on_stack, "nodes beyond the memory of open ones");
    ran(counts.thinned_staircases, "thinned staircases");
    ran(counts.query_tables, "queries by a table");
}

void test_decimals() {
    expect(to_units(0.1, 18, Rounding::half_even) == 100'000'000'000'000'000, "a tenth is exact");
    expect(to_units(-2.5, 0, Rounding::half_even) == -2, "half to even");
    expect(to_units(-2.5, 0, Rounding::floor) == -3, "down");
    expect(to_units(1e300, 0, Rounding::floor) == Value{1} << 62, "cut off");
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
    std::mt19937 random(11);  // whatever the bytes are, nothing outside them is read
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

int main() {
    test_fronts_and_searches();
    test_bounded_fronts();
    test_brute_force();
    test_dna_traversal();
    test_limits();
    test_first_fits();
    test_pruning();
    test_memory_limits();
    test_points_that_cannot_be_numbered();
    test_thinned_staircases();
    test_sweeps_by_many_totals();
    test_that_paths_ran();
    test_decimals();
    test_budget_rows();
    std::printf("engine: %s\n", n_failures == 0 ? "all tests passed" : "some tests failed");
    return n_failures == 0 ? 0 : 1;
}

// The engine alone, without Python: random problems against brute force, and the edges. Built with ASan and UBSan by
// `make core-test`; prints what fails and exits with 1.
#include <cmath>
#include <cstdio>
#include <limits>
#include <random>
#include <string>

#include "qabwnas/brute_force.hpp"
#include "qabwnas/budget_rows.hpp"
#include "qabwnas/decimal.hpp"
#include "qabwnas/dna_traversal.hpp"
#include "qabwnas/first_fit.hpp"
#include "qabwnas/front.hpp"
#include "qabwnas/prune.hpp"
#include "qabwnas/top.hpp"
#include "tests/oracle.hpp"

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

Instance random_instance(std::mt19937& random) {
    const auto draw = [&](int low, int high) { return std::uniform_int_distribution<int>(low, high)(random); };
    Instance instance;
    const int n_metrics = draw(1, 5), n_blocks = draw(1, 4), spread = draw(0, 1) ? 4 : 1000;
    for (int m = 0; m < n_metrics; ++m) {
        instance.problem.aggregations.push_back(draw(0, 3) ? Aggregation::sum : Aggregation::max);
        instance.problem.origin.push_back(draw(-2, 2));
    }
    for (int b = 0; b < n_blocks; ++b) {
        const int n_rows = draw(1, 7);
        std::vector<Value>& values = instance.memory.emplace_back();
        for (int i = 0; i < n_metrics * n_rows; ++i) values.push_back(draw(-spread, spread));
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
        const std::vector<Value> none(problem.n_metrics(), unlimited);
        const Front found = front(problem, {none, 0, plenty}, cancel);
        expect(subnets_of(found, problem) == oracle::front(all), "front of example " + std::to_string(example));

        const std::vector<Value> budgets = random_budgets(all, random);
        std::vector<Subnet> feasible = oracle::within(all, budgets);
        const std::size_t k = random() % 2 ? 1 : 1 + random() % 12;
        feasible.resize(std::min(feasible.size(), k));
        const Top best = top(problem, budgets, k, 1, no_limits, cancel);
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
        const Front part = front(problem, {budgets, 0, plenty}, cancel);
        expect(subnets_of(part, problem) == within, "part of the front of example " + std::to_string(example));
        expect(part.status == (within.empty() ? Status::infeasible : Status::complete), "status of a part");

        std::vector<Value> no_loss = budgets;
        no_loss[0] = unlimited;
        const double slack = 0.2;
        const std::vector<Subnet> loose = subnets_of(front(problem, {no_loss, slack, plenty}, cancel), problem);
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
        const Subnets best = brute_force(instance.problem, budgets, plenty, cancel);
        expect(subnets_of(best, instance.problem) == feasible, "brute force of example " + std::to_string(example));
        expect(best.n_pairs == all.size(), "brute force makes every subnet");
        const Subnets stopped = brute_force(instance.problem, budgets, all.size() - 1, cancel);
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
        first_fits(tree, metrics, budgets.data(), n_queries, 1, found.data());
        first_fits(tree, metrics, budgets.data(), n_queries, 2, on_two.data());
        expect(found == on_two, "first fits on two threads");
        for (std::size_t q = 0; q < n_queries; q += n_queries / n_asked) {
            const auto budget = budgets.begin() + static_cast<std::ptrdiff_t>(q * metrics.size());
            expect(found[q] == scan(budgeted, {budget, budget + std::ssize(metrics)}), "first fit");
        }
    }
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
    test_decimals();
    test_budget_rows();
    std::printf("engine: %s\n", n_failures == 0 ? "all tests passed" : "some tests failed");
    return n_failures == 0 ? 0 : 1;
}

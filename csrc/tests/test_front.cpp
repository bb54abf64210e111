// Exact, bounded and thinned fronts, against the oracle and within their limits.
#include <algorithm>
#include <cmath>

#include "front/front.hpp"
#include "tests/counted_new.hpp"
#include "tests/tests.hpp"

namespace qabwnas::tests {

namespace {

void test_whole_fronts() {
    std::mt19937 random(20261124);
    for (int example = 0; example < 400; ++example) {
        const Instance instance = random_instance(random);
        const Problem& problem = instance.problem;
        Cancel cancel;
        const Tuning tuning = random_tuning(random);
        const std::vector<Value> none(problem.n_metrics(), unlimited);
        const Front found = front(problem, {none, 0, plenty}, cancel, tuning);
        expect(subnets_of(found, problem) == oracle::front(oracle::subnets(problem)),
               "front of example " + std::to_string(example));
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
            const auto dominates = [&](const Subnet& kept) { return oracle::at_most(kept.totals, subnet.totals); };
            expect(std::any_of(loose.begin(), loose.end(), dominates), "slack of example " + std::to_string(example));
        }
    }
}

void test_front_limits() {
    std::mt19937 random(7);
    Instance instance = random_instance(random);
    while (oracle::subnets(instance.problem).size() < 50) instance = random_instance(random);
    Cancel cancel;
    const std::vector<Value> none(instance.problem.n_metrics(), unlimited);
    const Front stopped = front(instance.problem, {none, 0, 100}, cancel);
    expect(stopped.status == Status::limit && stopped.totals.empty(), "a front past its memory says so");
    Cancel at_once([] { return true; });
    while (!at_once.requested()) {
    }
    expect(front(instance.problem, {none, 0, plenty}, at_once).status == Status::cancelled,
           "a cancelled front says so");
}

// The memory that is really allocated never exceeds the limit, at whatever point a front reaches it. Any larger limit
// gives the same front.
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
                // Not counted: orders, bounds, the box of an index, a few hundred bytes per block and metric.
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

// A constant or few-valued metric costs no more as the first one than as the last one.
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

}  // namespace

void test_fronts() {
    test_whole_fronts();
    test_bounded_fronts();
    test_front_limits();
    test_memory_limits();
    test_points_that_cannot_be_numbered();
    test_sweeps_by_many_totals();
}

}  // namespace qabwnas::tests

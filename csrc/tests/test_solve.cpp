// Direct search: the k best subnets, against the oracle and within limits.
#include <algorithm>

#include "solve/top.hpp"
#include "tests/tests.hpp"

namespace qabwnas::tests {

namespace {

void test_k_best() {
    std::mt19937 random(20261124);
    for (int example = 0; example < 400; ++example) {
        const Instance instance = random_instance(random);
        const Problem& problem = instance.problem;
        const std::vector<Subnet> all = oracle::subnets(problem);
        const std::vector<Value> budgets = random_budgets(all, random);
        std::vector<Subnet> feasible = oracle::within(all, budgets);
        const std::size_t k = random() % 2 ? 1 : 1 + random() % 12;
        feasible.resize(std::min(feasible.size(), k));
        Cancel cancel;
        const Tuning tuning = random_tuning(random);
        const Top best = top(problem, budgets, k, 1, no_limits, cancel, tuning);
        expect(subnets_of(best, problem) == feasible, "top of example " + std::to_string(example));
        expect(best.status == (feasible.empty() ? Status::infeasible : Status::complete), "status");
        if (!feasible.empty()) expect(best.bound == feasible[0].totals[0], "bound of a complete search");
    }
}

void test_search_limits() {
    std::mt19937 random(7);
    Instance instance = random_instance(random);
    while (oracle::subnets(instance.problem).size() < 50) instance = random_instance(random);
    Cancel cancel;
    const std::vector<Value> none(instance.problem.n_metrics(), unlimited);
    const Top best = top(instance.problem, none, 1, 1, {1, 1e300}, cancel);
    expect(best.status == Status::limit, "a search past its nodes says so");
    expect(best.bound <= oracle::subnets(instance.problem)[0].totals[0], "its bound is below the optimum");
    Cancel at_once([] { return true; });
    while (!at_once.requested()) {
    }
    expect(top(instance.problem, none, 1, 1, no_limits, at_once).status == Status::cancelled,
           "a cancelled search says so");
}

// Coarsened DP states give weaker bounds, and change no answer.
void test_coarsened_states() {
    std::mt19937 random(13);
    for (int example = 0; example < 20; ++example) {
        const Instance instance = large_instance(random, 2, 0, 4, 12, 1000);
        const std::vector<Subnet> all = oracle::subnets(instance.problem);
        const std::vector<Value> budgets{unlimited, all[random() % all.size()].totals[1]};
        Tuning tuning;
        tuning.most_dp_states = 1 + random() % 4;
        tuning.counts = &counts;
        std::vector<Subnet> feasible = oracle::within(all, budgets);
        feasible.resize(std::min<std::size_t>(feasible.size(), 5));
        Cancel cancel;
        const Top best = top(instance.problem, budgets, 5, 1, no_limits, cancel, tuning);
        expect(subnets_of(best, instance.problem) == feasible, "top with coarsened DP states");
    }
}

}  // namespace

void test_direct_search() {
    test_k_best();
    test_search_limits();
    test_coarsened_states();
}

}  // namespace qabwnas::tests

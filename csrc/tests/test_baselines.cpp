// Brute force and DNA's traversal, against the oracle.
#include <algorithm>

#include "baselines/brute_force.hpp"
#include "baselines/dna_traversal.hpp"
#include "tests/tests.hpp"

namespace qabwnas::tests {

namespace {

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

}  // namespace

void test_baselines() {
    test_brute_force();
    test_dna_traversal();
}

}  // namespace qabwnas::tests

// Pruning of one block to its k-skyband, against the oracle.
#include "pareto/prune.hpp"
#include "tests/tests.hpp"

namespace qabwnas::tests {

namespace {

void test_skybands() {
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

}  // namespace

void test_pruning() { test_skybands(); }

}  // namespace qabwnas::tests

// Tests of the engine without Python: random problems against brute force, and edge cases. `make core-test` builds them
// with ASan and UBSan. Prints what fails and exits with 1.
#include "tests/tests.hpp"

namespace qabwnas::tests {

namespace {

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
    ran(counts.large_neighbourhoods, "large-neighbourhood searches");
    ran(counts.nodes_on_stack, "nodes beyond the memory of open ones");
    ran(counts.coarsened_states, "coarsened DP states");
    ran(counts.query_tables, "queries by a table");
}

}  // namespace

}  // namespace qabwnas::tests

int main() {
    using namespace qabwnas::tests;
    test_pruning();
    test_fronts();
    test_direct_search();
    test_queries();
    test_numeric();
    test_baselines();
    test_that_paths_ran();
    std::printf("engine: %s\n", n_failures == 0 ? "all tests passed" : "some tests failed");
    return n_failures == 0 ? 0 : 1;
}

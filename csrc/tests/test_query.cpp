// Queries of a front, against a scan.
#include "query/first_fit.hpp"
#include "tests/tests.hpp"

namespace qabwnas::tests {

namespace {

// The first point within budgets, by a linear scan.
std::int64_t scan(const std::vector<std::vector<Value>>& costs, const std::vector<Value>& budget) {
    for (std::size_t i = 0; i < costs[0].size(); ++i) {
        bool fits = true;
        for (std::size_t m = 0; m < costs.size(); ++m) fits &= costs[m][i] <= budget[m];
        if (fits) return static_cast<std::int64_t>(i);
    }
    return -1;
}

// The minima above points, level after level, column after column.
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
        const std::size_t n_queries = 1 + (many ? 70'000 : random() % 80), n_checked = many ? 200 : n_queries;
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
        for (std::size_t q = 0; q < n_queries; q += n_queries / n_checked) {
            const auto budget = budgets.begin() + static_cast<std::ptrdiff_t>(q * metrics.size());
            expect(found[q] == scan(budgeted, {budget, budget + std::ssize(metrics)}), "first fit");
        }
    }
}

}  // namespace

void test_queries() { test_first_fits(); }

}  // namespace qabwnas::tests

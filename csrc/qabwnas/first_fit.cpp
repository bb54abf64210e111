#include "qabwnas/first_fit.hpp"

namespace qabwnas {

std::int64_t first_fit(const MinimumTree& tree, const Value* budgets) {
    const std::size_t top = tree.starts.size() - 2;
    std::size_t level = top, at = 0;
    while (at < tree.starts[level + 1] - tree.starts[level]) {
        const std::size_t node = tree.starts[level] + at;
        bool fits = true;
        for (std::size_t m = 0; m < tree.n_metrics; ++m) fits &= tree.nodes.at(m, node) <= budgets[m];
        if (fits) {
            if (level == 0) return static_cast<std::int64_t>(at);
            --level;
            at *= MinimumTree::fanout;
            continue;
        }
        ++at;
        for (; level < top && at % MinimumTree::fanout == 0; at /= MinimumTree::fanout) ++level;
    }
    return -1;
}

}  // namespace qabwnas

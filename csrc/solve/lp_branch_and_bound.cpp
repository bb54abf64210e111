#include "solve/lp_branch_and_bound.hpp"

#include <algorithm>
#include <limits>
#include <numeric>

namespace qabwnas {

namespace {

// The heap's order: the last one is taken first.
constexpr auto comes_later = [](const auto& a, const auto& b) {
    return a.bound != b.bound ? a.bound > b.bound : a.serial < b.serial;
};

}  // namespace

LpBranchAndBound::LpBranchAndBound(const Problem& problem, const std::vector<Value>& budgets,
                                   const std::vector<PrunedBlock>& blocks, Cancel& deadline, Cancel& cancel,
                                   const Tuning& tuning)
    : problem_(problem),
      budgets_(budgets),
      deadline_(deadline),
      cancel_(cancel),
      tuning_(tuning),
      node_(problem, budgets, blocks),
      root_(relaxation().basis()),
      max_open_(tuning.most_open_bytes / (rows().n_rows() / 8 + 4 * rows().n_blocks() + 256)) {}

Status LpBranchAndBound::search(BestAnswers& best, const HammingConstraint& constraint, std::size_t max_nodes) {
    best_ = &best;
    node_.start(best, constraint);
    status_ = Status::complete;
    open_bound_ = unlimited;
    Tree tree{{}, {}, 0, max_nodes};
    auto root = std::make_shared<const Family>(Family{std::vector<bool>(rows().n_rows(), true), root_});
    explore(tree, {0, serial_++, std::move(root), no_block, 0}, best.k() == 1 && constraint.earlier.empty());
    if (status_ != Status::complete) {
        Key least = std::numeric_limits<Key>::max();
        for (const std::vector<OpenNode>* nodes : {&tree.heap, &tree.stack})
            for (const OpenNode& node : *nodes) least = std::min(least, node.bound);
        if (least != std::numeric_limits<Key>::max()) open_bound_ = rows().objective_of(least);
    }
    return status_;
}

std::vector<double> LpBranchAndBound::lagrange_multipliers() {
    std::fill(relaxation().allowed().begin(), relaxation().allowed().end(), std::uint8_t{1});
    relaxation().warm_start(root_);
    relaxation().solve(std::numeric_limits<double>::infinity(), cancel_);
    root_ = relaxation().basis();
    std::vector<double> multipliers(problem_.n_metrics());
    std::size_t j = 0;
    for (std::size_t m = 1; m < multipliers.size(); ++m)
        if (is_budgeted_sum(problem_, budgets_, m))
            multipliers[m] =
                relaxation().dual_value(j++) * rows().key_range() * rows().objective_per_key() / rows().slack(m);
    return multipliers;
}

void LpBranchAndBound::explore(Tree& tree, OpenNode root, bool uses_lns) {
    push(tree, std::move(root));
    while (status_ == Status::complete && !tree.is_empty()) {
        dive(tree, pop(tree));
        constexpr std::size_t nodes_per_lns_node = 4;
        if (uses_lns && tree.n_nodes > tuning_.lns_after_nodes + nodes_per_lns_node * n_lns_nodes_)
            search_large_neighbourhood();
    }
}

// Goes from best child to best child, until nothing is left below, or until the search has to stop: then the open node
// goes back into the tree.
void LpBranchAndBound::dive(Tree& tree, OpenNode node) {
    for (;;) {
        if (!may_go_on(tree)) {
            push(tree, std::move(node));
            return;
        }
        if (!expand(tree, node)) return;
    }
}

bool LpBranchAndBound::may_go_on(Tree& tree) {
    const std::size_t steps = 1 + rows().n_rows() * problem_.n_metrics() / 8;  // per node, for Cancel
    if (tree.n_nodes >= tree.max_nodes || deadline_.requested(static_cast<std::uint32_t>(steps)))
        status_ = Status::limit;
    if (cancel_.requested()) status_ = Status::cancelled;
    return status_ == Status::complete;
}

void LpBranchAndBound::push(Tree& tree, OpenNode node) {
    if (tree.heap.size() >= max_open_) {
        tuning_.count(&PathCounts::nodes_on_stack);
        tree.stack.push_back(std::move(node));
        return;
    }
    tree.heap.push_back(std::move(node));
    std::push_heap(tree.heap.begin(), tree.heap.end(), comes_later);
}

LpBranchAndBound::OpenNode LpBranchAndBound::pop(Tree& tree) {
    std::vector<OpenNode>& nodes = tree.stack.empty() ? tree.heap : tree.stack;
    if (tree.stack.empty()) std::pop_heap(nodes.begin(), nodes.end(), comes_later);
    OpenNode node = std::move(nodes.back());
    nodes.pop_back();
    return node;
}

// Replaces a node by its best child and pushes the other children; false if there is no child.
bool LpBranchAndBound::expand(Tree& tree, OpenNode& node) {
    ++tree.n_nodes;
    ++n_nodes_;
    if (node_.is_pruned_by_bound(node.bound)) return false;
    load(node);
    const std::size_t block = node_.evaluate(node.bound, cancel_);
    if (block == no_block) return false;
    branch(tree, node, block);
    return node.family != nullptr;
}

void LpBranchAndBound::load(const OpenNode& node) {
    std::vector<std::uint8_t>& allowed = relaxation().allowed();
    for (std::size_t row = 0; row < allowed.size(); ++row) allowed[row] = node.family->allowed[row] ? 1 : 0;
    if (node.block != no_block)
        for (std::size_t row = rows().offsets[node.block]; row < rows().offsets[node.block + 1]; ++row)
            allowed[row] = row == node.row ? 1 : 0;
    relaxation().warm_start(node.family->basis);
}

void LpBranchAndBound::branch(Tree& tree, OpenNode& node, std::size_t block) {
    const std::vector<std::uint8_t>& allowed = relaxation().allowed();
    struct Child {
        double cost;  // bound with the row, less its LP value
        std::size_t row;
        Key bound;
    };
    std::vector<Child> children;
    for (std::size_t row = rows().offsets[block]; row < rows().offsets[block + 1]; ++row) {
        if (allowed[row] == 0) continue;
        const double with = relaxation().bound_with(block, row);
        const Key bound = std::max(node.bound, node_.key_bound(with));
        if (!node_.is_pruned_by_bound(bound)) children.push_back({with - relaxation().value(row), row, bound});
    }
    std::sort(children.begin(), children.end(),
              [](const Child& a, const Child& b) { return a.cost != b.cost ? a.cost < b.cost : a.row < b.row; });
    const auto family =
        std::make_shared<const Family>(Family{std::vector<bool>(allowed.begin(), allowed.end()), relaxation().basis()});
    for (std::size_t i = children.size(); i-- > 1;)
        push(tree, {children[i].bound, serial_++, family, block, children[i].row});
    node = {0, serial_++, nullptr, block, 0};
    if (!children.empty()) node = {children[0].bound, serial_++, family, block, children[0].row};
}

// Searches the subnets that differ from the best one only in some random blocks, with few nodes. The number of these
// blocks grows after a complete search, and shrinks after an incomplete one.
void LpBranchAndBound::search_large_neighbourhood() {
    constexpr std::size_t few_nodes = 400;
    n_lns_nodes_ += 1;
    if (best_->all().empty()) return;
    tuning_.count(&PathCounts::large_neighbourhoods);
    const std::vector<Index> choice = best_->worst().choice;
    const std::size_t n_blocks = choice.size();
    std::vector<std::size_t> free(n_blocks);
    std::iota(free.begin(), free.end(), std::size_t{0});
    for (std::size_t i = 0; i + 1 < n_blocks; ++i) std::swap(free[i], free[i + random_() % (n_blocks - i)]);
    free.resize(std::min(n_free_blocks_, n_blocks));
    std::vector<std::uint8_t>& allowed = relaxation().allowed();
    std::fill(allowed.begin(), allowed.end(), std::uint8_t{1});
    for (std::size_t b = 0; b < n_blocks; ++b) {
        if (std::find(free.begin(), free.end(), b) != free.end()) continue;
        for (std::size_t row = rows().offsets[b]; row < rows().offsets[b + 1]; ++row)
            allowed[row] = rows().candidates[row] == choice[b] ? 1 : 0;
    }
    relaxation().cold_start();
    Tree tree{{}, {}, 0, few_nodes};
    const auto root =
        std::make_shared<const Family>(Family{std::vector<bool>(allowed.begin(), allowed.end()), relaxation().basis()});
    explore(tree, {0, serial_++, root, no_block, 0}, false);
    n_lns_nodes_ += tree.n_nodes;
    const bool is_complete = tree.is_empty();
    if (is_complete && n_free_blocks_ < n_blocks) ++n_free_blocks_;
    if (!is_complete && n_free_blocks_ > 2) --n_free_blocks_;
    if (status_ == Status::limit && tree.n_nodes >= few_nodes) status_ = Status::complete;  // its own limit
}

}  // namespace qabwnas

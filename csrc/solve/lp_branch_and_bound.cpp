#include "solve/lp_branch_and_bound.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace qabwnas {

namespace {

constexpr std::size_t no_block = static_cast<std::size_t>(-1);

// The heap's order: what is last comes first.
constexpr auto comes_later = [](const auto& a, const auto& b) {
    return a.bound != b.bound ? a.bound > b.bound : a.serial < b.serial;
};

}  // namespace

LinearSearch::LinearSearch(const Problem& problem, const std::vector<Value>& budgets,
                           const std::vector<PrunedBlock>& blocks, Cancel& deadline, Cancel& cancel,
                           const Tuning& tuning)
    : problem_(problem),
      budgets_(budgets),
      deadline_(deadline),
      cancel_(cancel),
      tuning_(tuning),
      rows_(problem, budgets, blocks),
      relaxation_(rows_.relaxation()),
      root_(relaxation_.basis()),
      max_open_(tuning.most_open_bytes / (rows_.n_rows() / 8 + 4 * rows_.n_blocks() + 256)) {}

Status LinearSearch::search(BestAnswers& best, const Apart& apart, std::size_t max_nodes) {
    best_ = &best;
    apart_ = &apart;
    status_ = Status::complete;
    open_bound_ = unlimited;
    Tree tree{{}, {}, 0, max_nodes};
    auto root = std::make_shared<const Family>(Family{std::vector<bool>(rows_.n_rows(), true), root_});
    explore(tree, {0, serial_++, std::move(root), no_block, 0}, best.k() == 1 && apart.answers.empty());
    if (status_ != Status::complete) {
        Key least = std::numeric_limits<Key>::max();
        for (const std::vector<Node>* nodes : {&tree.heap, &tree.stack})
            for (const Node& node : *nodes) least = std::min(least, node.bound);
        if (least != std::numeric_limits<Key>::max()) open_bound_ = rows_.objective_of(least);
    }
    return status_;
}

std::vector<double> LinearSearch::unit_prices() {
    std::fill(relaxation_.allowed().begin(), relaxation_.allowed().end(), std::uint8_t{1});
    relaxation_.start_from(root_);
    relaxation_.solve(std::numeric_limits<double>::infinity(), cancel_);
    root_ = relaxation_.basis();
    std::vector<double> prices(problem_.n_metrics());
    std::size_t j = 0;
    for (std::size_t m = 1; m < prices.size(); ++m)
        if (is_budgeted_sum(problem_, budgets_, m))
            prices[m] = relaxation_.multiplier(j++) * rows_.range() * rows_.objectives_a_key() / rows_.slack(m);
    return prices;
}

void LinearSearch::explore(Tree& tree, Node root, bool improves) {
    push(tree, std::move(root));
    while (status_ == Status::complete && !tree.is_empty()) {
        dive(tree, pop(tree));
        constexpr std::size_t share = 4;
        if (improves && tree.n_nodes > tuning_.improve_after_nodes + share * n_improving_) improve();
    }
}

// Follows the best child of a child until nothing is left below, or the search has to stop: what is open then goes
// back.
void LinearSearch::dive(Tree& tree, Node node) {
    for (;;) {
        if (!may_go_on(tree)) {
            push(tree, std::move(node));
            return;
        }
        if (!expand(tree, node)) return;
    }
}

bool LinearSearch::may_go_on(Tree& tree) {
    const std::size_t steps = 1 + rows_.n_rows() * problem_.n_metrics() / 8;  // of a node, for Cancel
    if (tree.n_nodes >= tree.max_nodes || deadline_.requested(static_cast<std::uint32_t>(steps)))
        status_ = Status::limit;
    if (cancel_.requested()) status_ = Status::cancelled;
    return status_ == Status::complete;
}

void LinearSearch::push(Tree& tree, Node node) {
    if (tree.heap.size() >= max_open_) {
        tuning_.count(&PathCounts::nodes_on_stack);
        tree.stack.push_back(std::move(node));
        return;
    }
    tree.heap.push_back(std::move(node));
    std::push_heap(tree.heap.begin(), tree.heap.end(), comes_later);
}

LinearSearch::Node LinearSearch::pop(Tree& tree) {
    std::vector<Node>& nodes = tree.stack.empty() ? tree.heap : tree.stack;
    if (tree.stack.empty()) std::pop_heap(nodes.begin(), nodes.end(), comes_later);
    Node node = std::move(nodes.back());
    nodes.pop_back();
    return node;
}

// Replaces a node by its best child and pushes the others; false if there is none.
bool LinearSearch::expand(Tree& tree, Node& node) {
    ++tree.n_nodes;
    ++n_nodes_;
    if (is_behind(node.bound)) return false;
    load(node);
    if (!can_be_apart()) return false;
    if (relaxation_.solve(cutoff(), cancel_) != LinearRelaxation::Outcome::solved) return false;
    round();
    if (!drop_rows() || !can_be_apart()) return false;
    if (is_behind_in_ties(std::max(node.bound, key_bound(relaxation_.bound())))) return false;
    const std::vector<std::size_t> open = open_blocks();
    if (open.size() < 2) {
        record_all(open.empty() ? 0 : open[0]);
        return false;
    }
    branch(tree, node, branching_block(open));
    return node.family != nullptr;
}

void LinearSearch::load(const Node& node) {
    std::vector<std::uint8_t>& allowed = relaxation_.allowed();
    for (std::size_t row = 0; row < allowed.size(); ++row) allowed[row] = node.family->allowed[row] ? 1 : 0;
    if (node.block != no_block)
        for (std::size_t row = rows_.offsets[node.block]; row < rows_.offsets[node.block + 1]; ++row)
            allowed[row] = row == node.row ? 1 : 0;
    relaxation_.start_from(node.family->basis);
}

// Forbids rows whose prices tell that no subnet with them is among the k best; false if a block has none left.
bool LinearSearch::drop_rows() {
    const double limit = cutoff();
    std::vector<std::uint8_t>& allowed = relaxation_.allowed();
    for (std::size_t b = 0; b < rows_.n_blocks(); ++b) {
        bool any = false;
        for (std::size_t row = rows_.offsets[b]; row < rows_.offsets[b + 1]; ++row) {
            if (allowed[row] != 0 && relaxation_.bound_with(b, row) > limit) allowed[row] = 0;
            any |= allowed[row] != 0;
        }
        if (!any) return false;
    }
    return true;
}

// The blocks with several allowed rows.
std::vector<std::size_t> LinearSearch::open_blocks() const {
    const auto first = relaxation_.allowed().begin();
    std::vector<std::size_t> open;
    for (std::size_t b = 0; b < rows_.n_blocks(); ++b) {
        const auto of = [&](std::size_t at) { return first + static_cast<std::ptrdiff_t>(rows_.offsets[at]); };
        if (std::count(of(b), of(b + 1), 1) > 1) open.push_back(b);
    }
    return open;
}

std::size_t LinearSearch::branching_block(const std::vector<std::size_t>& open) const {
    std::size_t chosen = no_block;
    double highest = -1;
    for (const std::size_t b : open) {
        double largest = 0;
        std::size_t n_allowed = 0;
        for (std::size_t row = rows_.offsets[b]; row < rows_.offsets[b + 1]; ++row) {
            if (relaxation_.allowed()[row] == 0) continue;
            ++n_allowed;
            largest = std::max(largest, relaxation_.share(row));
        }
        const double score = (1 - largest + 1e-6) / static_cast<double>(n_allowed);
        if (score <= highest) continue;
        highest = score;
        chosen = b;
    }
    return chosen;
}

void LinearSearch::branch(Tree& tree, Node& node, std::size_t block) {
    const std::vector<std::uint8_t>& allowed = relaxation_.allowed();
    struct Child {
        double price;
        std::size_t row;
        Key bound;
    };
    std::vector<Child> children;
    for (std::size_t row = rows_.offsets[block]; row < rows_.offsets[block + 1]; ++row) {
        if (allowed[row] == 0) continue;
        const double with = relaxation_.bound_with(block, row);
        const Key bound = std::max(node.bound, key_bound(with));
        if (!is_behind(bound)) children.push_back({with - relaxation_.share(row), row, bound});
    }
    std::sort(children.begin(), children.end(),
              [](const Child& a, const Child& b) { return a.price != b.price ? a.price < b.price : a.row < b.row; });
    const auto family =
        std::make_shared<const Family>(Family{std::vector<bool>(allowed.begin(), allowed.end()), relaxation_.basis()});
    for (std::size_t i = children.size(); i-- > 1;)
        push(tree, {children[i].bound, serial_++, family, block, children[i].row});
    node = {0, serial_++, nullptr, block, 0};
    if (!children.empty()) node = {children[0].bound, serial_++, family, block, children[0].row};
}

// Whether some subnet of allowed rows can differ from every earlier answer in enough blocks.
bool LinearSearch::can_be_apart() const {
    for (const Answer& answer : apart_->answers) {
        std::size_t n_differing = 0;
        for (std::size_t b = 0; b < rows_.n_blocks(); ++b) {
            bool differs = false;
            for (std::size_t row = rows_.offsets[b]; row < rows_.offsets[b + 1] && !differs; ++row)
                differs = relaxation_.allowed()[row] != 0 && rows_.numbers[row] != answer.choice[b];
            n_differing += differs ? 1 : 0;
        }
        if (n_differing < apart_->distance) return false;
    }
    return true;
}

// Whether no subnet whose key is at least bound can join the k best.
bool LinearSearch::is_behind(Key bound) const {
    return bound > rows_.last_key() || (best_->are_complete() && bound > rows_.key_of(best_->worst().totals));
}

// The same of the subnets of allowed rows, which may tie with the worst of the k best in the key: whether what is left
// to decide between them, the other metrics and then the candidates, is behind even where it is least.
bool LinearSearch::is_behind_in_ties(Key bound) const {
    if (bound > rows_.last_key()) return true;
    if (!best_->are_complete()) return false;
    const Answer& worst = best_->worst();
    const Key key = rows_.key_of(worst.totals);
    if (bound != key) return bound > key;
    const std::size_t d = problem_.n_metrics();
    const std::vector<std::uint8_t>& allowed = relaxation_.allowed();
    Answer least{problem_.origin, {}};
    for (std::size_t b = 0; b < rows_.n_blocks(); ++b) {
        std::vector<Value> values(d, unlimited);
        Index candidate = std::numeric_limits<Index>::max();
        for (std::size_t row = rows_.offsets[b]; row < rows_.offsets[b + 1]; ++row) {
            if (allowed[row] == 0) continue;
            for (std::size_t m = 0; m < d; ++m) values[m] = std::min(values[m], rows_.values[row * d + m]);
            candidate = std::min(candidate, rows_.numbers[row]);
        }
        for (std::size_t m = 0; m < d; ++m)
            least.totals[m] = combine(problem_.aggregations[m], least.totals[m], values[m]);
        least.choice.push_back(candidate);
    }
    for (std::size_t m = rows_.n_joined(); m < d; ++m)
        if (least.totals[m] != worst.totals[m]) return least.totals[m] > worst.totals[m];
    return least.choice >= worst.choice;
}

Key LinearSearch::key_bound(double shares) const {
    const double key = std::max(shares, 0.0) * rows_.range();
    return static_cast<Key>(std::ceil(key - key * 0x1p-50));
}

double LinearSearch::cutoff() const {
    Key key = rows_.last_key();
    if (best_->are_complete()) key = std::min(key, rows_.key_of(best_->worst().totals));
    return static_cast<double>(key) / rows_.range();
}

// Records the subnet of every block's row with the largest share, if it fits.
void LinearSearch::round() {
    std::vector<std::size_t> rows;
    for (std::size_t b = 0; b < rows_.n_blocks(); ++b) {
        std::size_t chosen = rows_.offsets[b];
        double largest = -1;
        for (std::size_t row = rows_.offsets[b]; row < rows_.offsets[b + 1]; ++row) {
            if (relaxation_.allowed()[row] == 0 || relaxation_.share(row) <= largest) continue;
            largest = relaxation_.share(row);
            chosen = row;
        }
        rows.push_back(chosen);
    }
    record(rows);
}

// Records every subnet of allowed rows, of which no block but the given one has several.
void LinearSearch::record_all(std::size_t block) {
    std::vector<std::size_t> rows;
    for (std::size_t b = 0; b < rows_.n_blocks(); ++b) {
        std::size_t row = rows_.offsets[b];
        while (relaxation_.allowed()[row] == 0) ++row;
        rows.push_back(row);
    }
    for (std::size_t row = rows_.offsets[block]; row < rows_.offsets[block + 1]; ++row) {
        if (relaxation_.allowed()[row] == 0) continue;
        rows[block] = row;
        record(rows);
    }
}

void LinearSearch::record(const std::vector<std::size_t>& rows) {
    const std::size_t d = problem_.n_metrics();
    Answer answer{problem_.origin, {}};
    for (const std::size_t row : rows) {
        for (std::size_t m = 0; m < d; ++m)
            answer.totals[m] = combine(problem_.aggregations[m], answer.totals[m], rows_.values[row * d + m]);
        answer.choice.push_back(rows_.numbers[row]);
    }
    for (std::size_t m = 0; m < d; ++m)
        if (answer.totals[m] > budgets_[m]) return;
    for (const Answer& earlier : apart_->answers) {
        std::size_t n_differing = 0;
        for (std::size_t b = 0; b < rows.size(); ++b) n_differing += earlier.choice[b] != answer.choice[b] ? 1 : 0;
        if (n_differing < apart_->distance) return;
    }
    best_->insert(std::move(answer));
}

// Searches the subnets that differ from the best in some blocks only, in few nodes.
void LinearSearch::improve() {
    constexpr std::size_t few_nodes = 400;
    n_improving_ += 1;
    if (best_->all().empty()) return;
    tuning_.count(&PathCounts::improvements);
    const std::vector<Index> choice = best_->worst().choice;
    const std::size_t n_blocks = choice.size();
    std::vector<std::size_t> free(n_blocks);
    std::iota(free.begin(), free.end(), std::size_t{0});
    for (std::size_t i = 0; i + 1 < n_blocks; ++i) std::swap(free[i], free[i + random_() % (n_blocks - i)]);
    free.resize(std::min(n_free_, n_blocks));
    std::vector<std::uint8_t>& allowed = relaxation_.allowed();
    std::fill(allowed.begin(), allowed.end(), std::uint8_t{1});
    for (std::size_t b = 0; b < n_blocks; ++b) {
        if (std::find(free.begin(), free.end(), b) != free.end()) continue;
        for (std::size_t row = rows_.offsets[b]; row < rows_.offsets[b + 1]; ++row)
            allowed[row] = rows_.numbers[row] == choice[b] ? 1 : 0;
    }
    relaxation_.start_anew();
    Tree tree{{}, {}, 0, few_nodes};
    const auto root =
        std::make_shared<const Family>(Family{std::vector<bool>(allowed.begin(), allowed.end()), relaxation_.basis()});
    explore(tree, {0, serial_++, root, no_block, 0}, false);
    n_improving_ += tree.n_nodes;
    const bool is_searched = tree.is_empty();
    if (is_searched && n_free_ < n_blocks) ++n_free_;
    if (!is_searched && n_free_ > 2) --n_free_;
    if (status_ == Status::limit && tree.n_nodes >= few_nodes) status_ = Status::complete;  // its own limit
}

}  // namespace qabwnas

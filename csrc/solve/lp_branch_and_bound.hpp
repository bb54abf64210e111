// Best-first branch and bound with linear relaxations (linear_relaxation.hpp), for several budgets on sums.
//
// A node allows some rows of every block. Its linear relaxation gives a bound, prices that tell which rows can still
// matter, and a solution to round; the block that is shared out most evenly among fewest rows is then given each of
// them in turn. From the open node with the smallest bound the search dives, child after best child, until nothing is
// left below; so bounds rise steadily and answers come early. When too many nodes are open it goes depth first.
//
// Every now and then the best subnet is improved (large neighbourhood search, Shaw 1998): most blocks keep their rows,
// and a small search over the others looks for a better one. That costs a share of the nodes and finds what a bound
// then only has to confirm.
//
// What is bounded are keys (joined_rows.hpp), which decide most ties too.
//
// Complexity: exponential in the number of blocks at worst; a node costs a few pivots. Memory: the open nodes, up to a
// gigabyte. One thread; no state is shared between calls.
#pragma once

#include <memory>
#include <random>
#include <vector>

#include "core/cancel.hpp"
#include "pareto/prune.hpp"
#include "solve/lp_relaxation.hpp"
#include "solve/lp_rows.hpp"
#include "solve/tree_search.hpp"

namespace qabwnas {

class LinearSearch : public TreeSearch {
  public:
    // blocks: what is left of each block, values in metric order. The objective is a sum.
    LinearSearch(const Problem& problem, const std::vector<Value>& budgets, const std::vector<PrunedBlock>& blocks,
                 Cancel& deadline, Cancel& cancel, const Tuning& tuning);

    Status search(BestAnswers& best, const Apart& apart, std::size_t max_nodes) override;

    // What a unit of every metric costs in the linear relaxation of all rows, in units of the objective; 0 but for
    // budgeted sums.
    std::vector<double> unit_prices();

  private:
    // What siblings share: the rows that their parent left allowed, and its basis.
    struct Family {
        std::vector<bool> allowed;
        LinearRelaxation::Basis basis;
    };

    struct Node {
        Key bound;
        std::size_t serial;
        std::shared_ptr<const Family> family;
        std::size_t block;  // that has but one row, or no_block
        std::size_t row;
    };

    // Open nodes: the one with the smallest bound first, of equals the newest; and those beyond what memory may take.
    struct Tree {
        std::vector<Node> heap, stack;
        std::size_t n_nodes = 0, max_nodes;

        bool is_empty() const { return heap.empty() && stack.empty(); }
    };

    void explore(Tree& tree, Node root, bool improves);
    void dive(Tree& tree, Node node);
    bool expand(Tree& tree, Node& node);
    bool may_go_on(Tree& tree);
    void push(Tree& tree, Node node);
    Node pop(Tree& tree);

    void load(const Node& node);
    bool drop_rows();
    std::vector<std::size_t> open_blocks() const;
    std::size_t branching_block(const std::vector<std::size_t>& open) const;
    void branch(Tree& tree, Node& node, std::size_t block);
    bool can_be_apart() const;
    bool is_behind(Key bound) const;
    bool is_behind_in_ties(Key bound) const;
    Key key_bound(double shares) const;
    double cutoff() const;
    void round();
    void record_all(std::size_t block);
    void record(const std::vector<std::size_t>& rows);
    void improve();

    const Problem& problem_;
    const std::vector<Value>& budgets_;
    Cancel &deadline_, &cancel_;
    const Tuning& tuning_;
    const JoinedRows rows_;
    LinearRelaxation relaxation_;
    LinearRelaxation::Basis root_;  // that searches start from
    const std::size_t max_open_;

    BestAnswers* best_ = nullptr;
    const Apart* apart_ = nullptr;
    std::size_t serial_ = 0, n_improving_ = 0, n_free_ = 8;
    std::mt19937_64 random_;
    Status status_ = Status::complete;
};

}  // namespace qabwnas

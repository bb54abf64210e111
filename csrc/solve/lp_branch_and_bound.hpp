// Best-first LP branch and bound, for several budgets on sums.
//
// A node (lp_node.hpp) allows some rows of each block. Branch on the most fractional block, one child per row (multiway
// branching on an SOS1 set; compare Beale and Tomlin 1970). From the open node with the least bound the search dives,
// from best child to best child, until nothing is left below. So bounds rise steadily, and answers come early. If too
// many nodes are open, the search goes depth first.
//
// Now and then a large-neighbourhood search (Shaw 1998) looks for a better subnet: most blocks keep their rows, and a
// small search decides the others. It takes a fraction of the nodes, and finds what a bound then only has to confirm.
//
// Complexity: exponential in the number of blocks at worst; a node costs a few pivots. Memory: the open nodes, up to a
// gigabyte. One thread; no state is shared between instances.
#pragma once

#include <memory>
#include <random>
#include <vector>

#include "core/cancel.hpp"
#include "pareto/prune.hpp"
#include "solve/lp_node.hpp"
#include "solve/tree_search.hpp"

namespace qabwnas {

class LpBranchAndBound : public TreeSearch {
  public:
    // blocks: the remaining rows of each block, values in metric order. The objective must be a sum.
    LpBranchAndBound(const Problem& problem, const std::vector<Value>& budgets, const std::vector<PrunedBlock>& blocks,
                     Cancel& deadline, Cancel& cancel, const Tuning& tuning);

    Status search(BestAnswers& best, const HammingConstraint& constraint, std::size_t max_nodes) override;

    // The dual values of the budgets in the LP relaxation of all rows, one per metric, in units of objective per unit
    // of cost; 0 except for budgeted sums.
    std::vector<double> lagrange_multipliers();

  private:
    // What siblings share: the rows that their parent left allowed, and its basis.
    struct Family {
        std::vector<bool> allowed;
        LpRelaxation::Basis basis;
    };

    struct OpenNode {
        Key bound;
        std::size_t serial;
        std::shared_ptr<const Family> family;
        std::size_t block;  // that has a single allowed row, or no_block
        std::size_t row;
    };

    // Open nodes: the one with the least bound first, the newest of equal ones; and those beyond the memory limit.
    struct Tree {
        std::vector<OpenNode> heap, stack;
        std::size_t n_nodes = 0, max_nodes;

        bool is_empty() const { return heap.empty() && stack.empty(); }
    };

    const LpRows& rows() const { return node_.rows(); }
    LpRelaxation& relaxation() { return node_.relaxation(); }
    void explore(Tree& tree, OpenNode root, bool uses_lns);
    void dive(Tree& tree, OpenNode node);
    bool expand(Tree& tree, OpenNode& node);
    bool may_go_on(Tree& tree);
    void push(Tree& tree, OpenNode node);
    OpenNode pop(Tree& tree);
    void load(const OpenNode& node);
    void branch(Tree& tree, OpenNode& node, std::size_t block);
    void search_large_neighbourhood();

    const Problem& problem_;
    const std::vector<Value>& budgets_;
    Cancel &deadline_, &cancel_;
    const Tuning& tuning_;
    LpNode node_;
    LpRelaxation::Basis root_;  // that searches start from
    const std::size_t max_open_;

    BestAnswers* best_ = nullptr;
    std::size_t serial_ = 0, n_lns_nodes_ = 0, n_free_blocks_ = 8;
    std::mt19937_64 random_;
    Status status_ = Status::complete;
};

}  // namespace qabwnas

// The merge of merge.hpp for two sums. Both sides are curves: one coordinate ascends where the other descends.
//
// In a slab, a sample of the pairs (every eighth along the longer side) tells for each cell of the first sum the
// smallest second sum in all cells before it. A pair goes that is not below it, and eight neighbours go together if
// their lower corner does. The pairs that are left lower the table again, and only what then is still below it is
// sorted.
//
// Complexity: O(1) per pair at worst, for most pairs an eighth of that; O(log s) for each of the s that are sorted.
// Threads: one per object.
#pragma once

#include "front/merge.hpp"
#include "front/slabs.hpp"
#include "pareto/sweep_sort.hpp"

namespace qabwnas {

// Keeps its memory from one merge to the next: to free it and take it again costs more than the merge.
class TwoMetricMerge {
  public:
    explicit TwoMetricMerge(const Tuning& tuning, Memory* memory = unlimited_memory())
        : tuning_(tuning), memory_(memory) {}

    // Appends the pairs that stay, in sweep order, and their totals; at a limit, or past the memory, those found so
    // far.
    Status run(const Points& front, const Points& rows, const MergeLimits& limits, const Precedes& precedes,
               Cancel& cancel, std::pmr::vector<Value>& values, std::pmr::vector<Pair>& pairs);

  private:
    struct Curve {
        explicit Curve(Memory* memory) : x(memory), y(memory) {}

        std::pmr::vector<Value> x, y;

        void assign(const Points& points);
    };

    // A pair that is left, by its place on the shorter and on the longer side.
    struct Open {
        Value x, y;
        std::uint64_t pair;  // list × 2^32 + at: written and read as one word

        std::size_t list() const { return pair >> 32; }
        std::size_t at() const { return pair & 0xffffffff; }
    };

    // The smallest second sum in all cells of the first before each one; a view, which loops copy to work with.
    struct Table {
        double low, scale;
        Value* smallest;

        // Monotone; the slab's sums go to 0 … n_cells.
        std::size_t cell(Value x) const {
            return static_cast<std::size_t>(static_cast<std::int32_t>((static_cast<double>(x) - low) * scale));
        }
        Value below(Value x) const { return smallest[cell(x)]; }
        void enter(Value x, Value y) const {
            Value& entry = smallest[cell(x) + 1];
            entry = std::min(entry, y);
        }
    };

    std::size_t trim(const std::pmr::vector<Run>& runs);
    void make_table(Value least, std::size_t n);
    void accumulate();
    void collect();
    void refine();
    Status keep(const MergeLimits& limits, const Precedes& precedes, Cancel& cancel, std::pmr::vector<Value>& values,
                std::pmr::vector<Pair>& pairs);
    Pair pair_of(const Open& open) const;

    const Tuning& tuning_;
    Memory* memory_;
    bool lists_are_rows_ = false;
    Curve lists_{memory_}, long_{memory_};  // the shorter and the longer side
    Value lowest_ = 0;                      // second sum of what was kept
    std::pmr::vector<Run> runs_{memory_};
    std::pmr::vector<Value> below_{memory_};  // the memory of the table
    Table table_{};
    std::pmr::vector<Open> open_{memory_};  // the first n_open_
    std::size_t n_open_ = 0;
    std::pmr::vector<Keyed> keyed_{memory_}, scratch_{memory_};
};

}  // namespace qabwnas

#include "qabwnas/prune.hpp"

#include <numeric>

#include "qabwnas/archive.hpp"

namespace qabwnas {

namespace {

std::vector<Index> sorted_rows(const Columns& block, const SweepOrder& order) {
    std::vector<Index> rows(block.n_rows);
    std::iota(rows.begin(), rows.end(), Index{0});
    std::sort(rows.begin(), rows.end(), [&](Index a, Index b) {
        for (std::size_t i = 0; i < order.n_sums; ++i) {
            const Value* column = block.column(order.metrics[i]);
            if (column[a] != column[b]) return column[a] < column[b];
        }
        return a < b;
    });
    return rows;
}

// Counts among the kept points those that are ≤ a point, up to k.
class SkybandArchive {
  public:
    SkybandArchive(std::size_t n_coordinates, std::size_t k) : d_(n_coordinates), k_(k) {}

    bool covers(const Value* point) const {
        std::size_t n_below = 0;
        for (std::size_t start = 0; start < n_ * d_; start += d_) {
            bool at_most = true;
            for (std::size_t i = 0; i < d_; ++i) at_most &= points_[start + i] <= point[i];
            n_below += at_most ? 1 : 0;
            if (n_below == k_) return true;
        }
        return n_below + (d_ == 0 ? n_ : 0) >= k_;
    }

    void insert(const Value* point) {
        points_.insert(points_.end(), point, point + d_);
        ++n_;
    }

  private:
    std::size_t d_, k_;
    std::size_t n_ = 0;
    std::vector<Value> points_;
};

template <class Archive>
PrunedBlock sweep(const Columns& block, const SweepOrder& order, Archive archive, Cancel& cancel) {
    PrunedBlock kept;
    std::vector<Value> point(order.size());
    for (const Index row : sorted_rows(block, order)) {
        if (cancel.requested()) break;
        for (std::size_t i = 0; i < point.size(); ++i)
            point[i] = block.at(order.metrics[i], static_cast<std::size_t>(row));
        const Value* tested = point.data() + order.first_tested();
        if (archive.covers(tested)) continue;
        archive.insert(tested);
        kept.rows.push_back(row);
        kept.values.insert(kept.values.end(), point.begin(), point.end());
    }
    return kept;
}

}  // namespace

SweepOrder::SweepOrder(const std::vector<Aggregation>& aggregations) {
    for (const Aggregation wanted : {Aggregation::sum, Aggregation::max}) {
        for (std::size_t m = 0; m < aggregations.size(); ++m)
            if (aggregations[m] == wanted) metrics.push_back(m);
        if (wanted == Aggregation::sum) n_sums = metrics.size();
    }
}

PrunedBlock prune(const Columns& block, const SweepOrder& order, std::size_t k, Cancel& cancel) {
    if (k > 1) return sweep(block, order, SkybandArchive(order.n_tested(), k), cancel);
    return with_archive(order.n_tested(),
                        [&](auto archive) { return sweep(block, order, std::move(archive), cancel); });
}

}  // namespace qabwnas

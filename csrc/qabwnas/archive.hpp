// Archives of points that answer one question: is some kept point ≤ the given one in every coordinate?
//
// They serve sweeps in which points arrive so that a later point never has to remove an earlier one from the result;
// an archive may therefore forget points that a newer one is ≤ to, but never needs to report them.
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

#include "qabwnas/problem.hpp"

namespace qabwnas {

// No coordinate: everything is covered by the first point.
class EmptyArchive {
  public:
    explicit EmptyArchive(std::size_t) {}
    bool covers(const Value*) const { return filled_; }
    void insert(const Value*) { filled_ = true; }

  private:
    bool filled_ = false;
};

// One coordinate: the smallest value. O(1).
class MinimumArchive {
  public:
    explicit MinimumArchive(std::size_t) {}
    bool covers(const Value* point) const { return filled_ && smallest_ <= point[0]; }
    void insert(const Value* point) {
        smallest_ = filled_ ? std::min(smallest_, point[0]) : point[0];
        filled_ = true;
    }

  private:
    Value smallest_ = 0;
    bool filled_ = false;
};

// Two coordinates: the staircase of minimal points, x ascending and y descending. covers: O(log n); insert: O(log n)
// comparisons and a move of the steps behind the point (Kung, Luccio, Preparata 1975, the three-dimensional sweep).
class StaircaseArchive {
  public:
    explicit StaircaseArchive(std::size_t) {}

    bool covers(const Value* point) const {
        // The last step with x <= point.x has the smallest y among those.
        const auto behind = std::upper_bound(xs_.begin(), xs_.end(), point[0]);
        return behind != xs_.begin() && ys_[static_cast<std::size_t>(behind - xs_.begin()) - 1] <= point[1];
    }

    void insert(const Value* point) {
        const auto first = std::lower_bound(xs_.begin(), xs_.end(), point[0]) - xs_.begin();
        auto last = first;
        while (last < std::ssize(ys_) && ys_[static_cast<std::size_t>(last)] >= point[1]) ++last;
        if (first == last) {
            xs_.insert(xs_.begin() + first, point[0]);
            ys_.insert(ys_.begin() + first, point[1]);
            return;
        }
        xs_[static_cast<std::size_t>(first)] = point[0];
        ys_[static_cast<std::size_t>(first)] = point[1];
        xs_.erase(xs_.begin() + first + 1, xs_.begin() + last);
        ys_.erase(ys_.begin() + first + 1, ys_.begin() + last);
    }

  private:
    std::vector<Value> xs_, ys_;
};

// Any number of coordinates: buckets of 64 points under their common lower corner, tried newest success first.
// covers: O(n) comparisons at worst, few in practice, because a corner that is not ≤ the point spares its bucket.
class BucketArchive {
  public:
    explicit BucketArchive(std::size_t n_coordinates) : d_(n_coordinates) {}

    bool covers(const Value* point) const {
        const std::size_t n_buckets = corners_.size() / d_;
        if (n_buckets > 0 && bucket_covers(hot_, point)) return true;
        for (std::size_t bucket = 0; bucket < n_buckets; ++bucket) {
            if (at_most(&corners_[bucket * d_], point) && bucket_covers(bucket, point)) {
                hot_ = bucket;
                return true;
            }
        }
        return false;
    }

    void insert(const Value* point) {
        if (points_.size() % (bucket_size * d_) == 0) {
            corners_.insert(corners_.end(), point, point + d_);
        } else {
            Value* corner = &corners_[corners_.size() - d_];
            for (std::size_t i = 0; i < d_; ++i) corner[i] = std::min(corner[i], point[i]);
        }
        points_.insert(points_.end(), point, point + d_);
    }

  private:
    static constexpr std::size_t bucket_size = 64;

    bool at_most(const Value* a, const Value* b) const {
        for (std::size_t i = 0; i < d_; ++i)
            if (a[i] > b[i]) return false;
        return true;
    }

    bool bucket_covers(std::size_t bucket, const Value* point) const {
        const Value* first = &points_[bucket * bucket_size * d_];
        const Value* last = std::min(first + bucket_size * d_, points_.data() + points_.size());
        for (; first != last; first += d_)
            if (at_most(first, point)) return true;
        return false;
    }

    std::size_t d_;
    std::vector<Value> points_, corners_;
    mutable std::size_t hot_ = 0;
};

// Call work with the archive that suits n_coordinates.
template <class Work>
auto with_archive(std::size_t n_coordinates, Work&& work) {
    switch (n_coordinates) {
        case 0:
            return work(EmptyArchive(0));
        case 1:
            return work(MinimumArchive(1));
        case 2:
            return work(StaircaseArchive(2));
        default:
            return work(BucketArchive(n_coordinates));
    }
}

}  // namespace qabwnas

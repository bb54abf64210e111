// Work on a range of rows, shared out among threads.
#pragma once

#include <algorithm>
#include <cstddef>
#include <future>
#include <vector>

namespace qabwnas {

// Calls work(first, last) for at most n_threads parts of 0 … n − 1, the first of them on this thread. Parts are given
// no less than least_rows each, so that a thread has more to do than its start takes.
template <class Work>
void in_parts(std::size_t n, std::size_t n_threads, std::size_t least_rows, const Work& work) {
    const std::size_t n_parts = std::max<std::size_t>(1, std::min(n_threads, n / std::max<std::size_t>(1, least_rows)));
    std::vector<std::future<void>> others;  // each joins its thread when it goes, also where starting the next fails
    for (std::size_t part = 1; part < n_parts; ++part)
        others.push_back(std::async(std::launch::async, work, n * part / n_parts, n * (part + 1) / n_parts));
    work(0, n / n_parts);
    for (std::future<void>& other : others) other.get();
}

}  // namespace qabwnas

// Work on a range, shared out among threads.
#pragma once

#include <algorithm>
#include <cstddef>
#include <future>
#include <vector>

namespace qabwnas {

// Calls work(first, last) for at most n_threads parts of 0 … n − 1, the first of them on this thread. No part is
// smaller than least, 1 or more, so that a thread has more to do than its start takes; unless there is only one.
template <class Work>
void on_threads(std::size_t n, std::size_t n_threads, std::size_t least, const Work& work) {
    const std::size_t n_parts = std::max<std::size_t>(1, std::min(n_threads, n / least));
    std::vector<std::future<void>> others;  // each joins its thread when it goes, also where starting the next fails
    for (std::size_t part = 1; part < n_parts; ++part)
        others.push_back(std::async(std::launch::async, work, n * part / n_parts, n * (part + 1) / n_parts));
    work(0, n / n_parts);
    for (std::future<void>& other : others) other.get();
}

}  // namespace qabwnas

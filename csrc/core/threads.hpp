// A parallel loop: a range in chunks, one per thread.
#pragma once

#include <algorithm>
#include <cstddef>
#include <future>
#include <vector>

namespace qabwnas {

// Calls work(first, last) for at most n_threads chunks of 0 … n − 1, the first of them on this thread. No chunk is
// smaller than least (1 or more), so that a thread has more to do than its start takes, unless there is only one chunk.
template <class Work>
void on_threads(std::size_t n, std::size_t n_threads, std::size_t least, const Work& work) {
    const std::size_t n_chunks = std::max<std::size_t>(1, std::min(n_threads, n / least));
    std::vector<std::future<void>> others;  // each joins its thread at its end, also if starting the next fails
    for (std::size_t chunk = 1; chunk < n_chunks; ++chunk)
        others.push_back(std::async(std::launch::async, work, n * chunk / n_chunks, n * (chunk + 1) / n_chunks));
    work(0, n / n_chunks);
    for (std::future<void>& other : others) other.get();
}

}  // namespace qabwnas

// Shared by the binding files: array types that are never copied silently, problems as views of arrays, and the bridge
// to Ctrl-C.
#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <limits>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "core/cancel.hpp"
#include "core/memory.hpp"
#include "core/problem.hpp"

namespace qabwnas {

namespace py = pybind11;

template <class T>
using Array = py::array_t<T, py::array::c_style>;

void register_search(py::module_& module);
void register_queries(py::module_& module);
void register_decimal(py::module_& module);
void register_baselines(py::module_& module);

inline std::vector<Aggregation> aggregations_of(const Array<std::uint8_t>& is_max) {
    if (is_max.size() < 1 || is_max.size() > static_cast<py::ssize_t>(max_metrics))
        throw py::value_error("the core takes 1 to " + std::to_string(max_metrics) + " metrics, not " +
                              std::to_string(is_max.size()));
    std::vector<Aggregation> aggregations;
    for (py::ssize_t m = 0; m < is_max.size(); ++m)
        aggregations.push_back(is_max.at(m) != 0 ? Aggregation::max : Aggregation::sum);
    return aggregations;
}

// The rows of a block are numbered by an Index.
inline void check_n_rows(py::ssize_t n_rows) {
    if (n_rows > std::numeric_limits<Index>::max()) throw py::value_error("a block has more rows than can be numbered");
}

// Views of values (n_metrics, n_rows), cut at offsets (n_blocks + 1); the arrays outlive the problem.
inline Problem problem_of(const Array<Value>& values, const Array<std::int64_t>& offsets,
                          const Array<std::uint8_t>& is_max, const Array<Value>& origin) {
    if (values.ndim() != 2 || values.shape(0) != is_max.size() || origin.size() != is_max.size() || offsets.size() < 2)
        throw py::value_error("values, offsets, is_max and origin do not belong together");
    Problem problem;
    problem.aggregations = aggregations_of(is_max);
    problem.origin.assign(origin.data(), origin.data() + origin.size());
    const auto n_rows = static_cast<std::size_t>(values.shape(1));
    for (py::ssize_t b = 0; b + 1 < offsets.size(); ++b) {
        const std::int64_t first = offsets.at(b), last = offsets.at(b + 1);
        if (first < 0 || first >= last || last > values.shape(1)) throw py::value_error("offsets do not ascend");
        check_n_rows(last - first);
        problem.blocks.push_back({values.data() + first, static_cast<std::size_t>(last - first), n_rows});
    }
    return problem;
}

// Polls Python for a pending signal (Ctrl-C). It is called while the GIL is released, and takes the GIL only for the
// poll. Signals reach only the main thread. To stop a call in another way, pass a callable without arguments (or None).
// It is then called too, every hundredth of a second. What it raises ends the call. The caller keeps it alive.
inline Cancel ctrl_c(const py::handle ask = py::handle()) {
    const bool is_asked = ask && !ask.is_none();
    const auto stops = [ask, is_asked] {
        const py::gil_scoped_acquire acquired;
        if (PyErr_CheckSignals() != 0) return true;
        if (!is_asked) return false;
        PyObject* const answer = PyObject_CallNoArgs(ask.ptr());
        Py_XDECREF(answer);
        return answer == nullptr;
    };
    return Cancel(stops, std::chrono::milliseconds(is_asked ? 10 : 50));
}

// After a cancelled call: re-raises the exception of the signal handler or of the polled callable.
inline void raise_if_cancelled(Status status) {
    if (status == Status::cancelled) throw py::error_already_set();
}

// Moves a vector into an array of rows, without a copy, together with the memory resource that it was allocated from,
// if it has its own. An item is a number, or a struct of such numbers only.
template <class T, class Vector>
Array<T> matrix_of(Vector&& items, std::size_t n_columns, std::shared_ptr<Memory> memory = nullptr) {
    static_assert(std::is_rvalue_reference_v<Vector&&>);
    constexpr std::size_t item_size = sizeof(typename Vector::value_type);
    static_assert(item_size % sizeof(T) == 0);
    struct Owned {
        std::shared_ptr<Memory> memory;  // outlives the items
        Vector items;
    };
    auto* owned = new Owned{std::move(memory), std::move(items)};
    const py::capsule owner(owned, [](void* at) { delete static_cast<Owned*>(at); });
    const std::size_t n_numbers = owned->items.size() * (item_size / sizeof(T));
    return Array<T>({n_numbers / n_columns, n_columns}, reinterpret_cast<const T*>(owned->items.data()), owner);
}

template <class T>
Array<T> matrix(std::vector<T>&& numbers, std::size_t n_columns) {
    return matrix_of<T>(std::move(numbers), n_columns);
}

}  // namespace qabwnas

// What the binding files share: array types that are never copied silently, problems as views of them, and the bridge
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

// Rows of a block are numbered by an Index.
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

// Asks Python whether a signal (Ctrl-C) waits; called while the GIL is released, which is taken for the question only.
// Signals reach the main thread alone. To stop a call in another way, pass a callable without arguments
// (or None), which is called then too, every hundredth of a second, and raises what the call shall end with. The caller
// keeps it alive.
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

// After a cancelled call: the exception that the signal's handler, or who was asked, raised goes on.
inline void raise_if_cancelled(Status status) {
    if (status == Status::cancelled) throw py::error_already_set();
}

// Hands a vector over to an array of rows, without a copy, with the memory that it was taken from, if that is its own.
// An item is a number, or a struct of nothing but such numbers.
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

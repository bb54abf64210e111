// What the binding files share: array types that are never copied silently, and the bridge to Ctrl-C.
#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include "qabwnas/cancel.hpp"
#include "qabwnas/problem.hpp"

namespace qabwnas {

namespace py = pybind11;

template <class T>
using Array = py::array_t<T, py::array::c_style>;

void register_search(py::module_& module);
void register_queries(py::module_& module);
void register_decimal(py::module_& module);

// Asks Python whether a signal (Ctrl-C) waits; called while the GIL is released, which is taken for the question only.
inline Cancel ctrl_c() {
    return Cancel([] {
        const py::gil_scoped_acquire acquired;
        return PyErr_CheckSignals() != 0;
    });
}

// After a cancelled call: the exception that the signal's handler raised goes on.
inline void raise_if_cancelled(Status status) {
    if (status == Status::cancelled) throw py::error_already_set();
}

// Hands memory over to an array of rows, without a copy.
template <class T>
Array<T> matrix(std::vector<T>&& values, std::size_t n_columns) {
    auto* owned = new std::vector<T>(std::move(values));
    const py::capsule owner(owned, [](void* memory) { delete static_cast<std::vector<T>*>(memory); });
    return Array<T>({owned->size() / n_columns, n_columns}, owned->data(), owner);
}

}  // namespace qabwnas

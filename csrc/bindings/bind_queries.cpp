#include <pybind11/stl.h>

#include "bindings/bindings.hpp"
#include "query/first_fit.hpp"

namespace qabwnas {

namespace {

Columns columns_of(const Array<Value>& matrix) {
    const auto n_rows = static_cast<std::size_t>(matrix.shape(1));
    return {matrix.data(), n_rows, n_rows};
}

py::array_t<std::int64_t> first_fit_of(const Array<Value>& points, const Array<Value>& minima,
                                       const std::vector<std::size_t>& metrics, const Array<Value>& budgets,
                                       std::size_t n_threads) {
    if (points.ndim() != 2 || minima.ndim() != 2 || points.shape(0) != minima.shape(0) || points.shape(1) == 0)
        throw py::value_error("points and minima do not belong together");
    const MinimumTree tree{columns_of(points), columns_of(minima)};
    if (tree.minima.n_rows != MinimumTree::n_minima(tree.points.n_rows))
        throw py::value_error("the number of minima does not fit the number of points");
    const auto n_metrics = static_cast<std::size_t>(points.shape(0));
    if (budgets.ndim() != 2 || budgets.shape(1) != std::ssize(metrics) || metrics.empty() ||
        *std::max_element(metrics.begin(), metrics.end()) >= n_metrics)
        throw py::value_error("metrics and budgets do not belong together");
    const py::ssize_t n_queries = budgets.shape(0);
    py::array_t<std::int64_t> found(n_queries);
    const Value* budget = budgets.data();
    std::int64_t* result = found.mutable_data();
    {
        const py::gil_scoped_release released;  // plain memory that this frame's arrays keep alive
        first_fits(tree, metrics, budget, static_cast<std::size_t>(n_queries), n_threads, result);
    }
    return found;
}

}  // namespace

void register_queries(py::module_& module) {
    module.def("first_fit", &first_fit_of, py::arg("points").noconvert(), py::arg("minima").noconvert(),
               py::arg("metrics"), py::arg("budgets").noconvert(), py::arg("n_threads"),
               "For each row of budgets the first point that fits, or -1.");
}

}  // namespace qabwnas

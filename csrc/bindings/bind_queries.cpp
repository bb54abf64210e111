#include "bindings/bindings.hpp"
#include "qabwnas/first_fit.hpp"

namespace qabwnas {

namespace {

py::array_t<std::int64_t> first_fit_of(const Array<Value>& nodes, const Array<std::int64_t>& starts,
                                       const Array<Value>& budgets) {
    if (nodes.ndim() != 2 || budgets.ndim() != 2 || budgets.shape(1) != nodes.shape(0) || starts.size() < 2)
        throw py::value_error("nodes, starts and budgets do not belong together");
    const auto n_nodes = static_cast<std::size_t>(nodes.shape(1));
    MinimumTree tree{{nodes.data(), n_nodes, n_nodes}, {}, static_cast<std::size_t>(nodes.shape(0))};
    for (py::ssize_t level = 0; level < starts.size(); ++level)
        tree.starts.push_back(static_cast<std::size_t>(starts.at(level)));
    if (tree.starts.back() > n_nodes || !std::is_sorted(tree.starts.begin(), tree.starts.end()))
        throw py::value_error("starts do not ascend");
    const py::ssize_t n_queries = budgets.shape(0);
    py::array_t<std::int64_t> found(n_queries);
    const Value* budget = budgets.data();
    std::int64_t* result = found.mutable_data();
    {
        const py::gil_scoped_release released;  // plain memory that this frame's arrays keep alive
        first_fits(tree, budget, static_cast<std::size_t>(n_queries), result);
    }
    return found;
}

}  // namespace

void register_queries(py::module_& module) {
    module.def("first_fit", &first_fit_of, py::arg("nodes").noconvert(), py::arg("starts").noconvert(),
               py::arg("budgets").noconvert(), "For every row of budgets the first point that fits, or -1.");
}

}  // namespace qabwnas

#include <pybind11/stl.h>

#include "bindings/bindings.hpp"
#include "front/front.hpp"
#include "pareto/prune.hpp"
#include "solve/top.hpp"

namespace qabwnas {

namespace {

py::array_t<std::int64_t> prune_rows(const Array<Value>& values, const Array<std::uint8_t>& is_max, std::size_t k,
                                     const py::object& ask) {
    if (values.ndim() != 2 || values.shape(0) != is_max.size()) throw py::value_error("values and is_max differ");
    const SweepOrder order(aggregations_of(is_max));
    check_n_rows(values.shape(1));
    const auto n_rows = static_cast<std::size_t>(values.shape(1));
    const Columns block{values.data(), n_rows, n_rows};
    Cancel cancel = ctrl_c(ask);
    PrunedBlock pruned;
    {
        const py::gil_scoped_release released;  // the views are plain memory that the caller's arrays keep alive
        pruned = prune(block, order, k, cancel);
        sort_rows(pruned.rows, n_rows);
    }
    if (cancel.requested()) throw py::error_already_set();
    py::array_t<std::int64_t> rows(static_cast<py::ssize_t>(pruned.rows.size()));
    std::copy(pruned.rows.begin(), pruned.rows.end(), rows.mutable_data());
    return rows;
}

// A level: its blocks (n), the candidates of its rows (rows × n), and the point and row of each of its points (points ×
// 2).
using LevelArrays = std::tuple<Array<std::int64_t>, Array<Index>, Array<Index>>;

std::vector<LevelArrays> arrays_of(Front& front) {
    std::vector<LevelArrays> arrays;
    for (Level& level : front.levels) {
        Array<std::int64_t> blocks(static_cast<py::ssize_t>(level.blocks.size()));
        std::copy(level.blocks.begin(), level.blocks.end(), blocks.mutable_data());
        const std::size_t n_blocks = level.blocks.size();
        arrays.emplace_back(std::move(blocks), matrix_of<Index>(std::move(level.choice), n_blocks, front.memory),
                            matrix_of<Index>(std::move(level.pairs), 2, front.memory));
    }
    return arrays;
}

py::tuple front_of(const Array<Value>& values, const Array<std::int64_t>& offsets, const Array<std::uint8_t>& is_max,
                   const Array<Value>& origin, const Array<Value>& high, double slack, std::size_t max_bytes,
                   const py::object& ask) {
    const Problem problem = problem_of(values, offsets, is_max, origin);
    if (high.size() != is_max.size()) throw py::value_error("high and is_max differ");
    const FrontLimits limits{{high.data(), high.data() + high.size()}, slack, max_bytes};
    Cancel cancel = ctrl_c(ask);
    Front found;
    {
        const py::gil_scoped_release released;  // as above
        found = front(problem, limits, cancel);
    }
    raise_if_cancelled(found.status);
    return py::make_tuple(static_cast<int>(found.status),
                          matrix_of<Value>(std::move(found.totals), problem.n_metrics(), found.memory),
                          arrays_of(found), found.n_blocks, found.n_points, found.n_pairs);
}

Array<Index> choice_of(const std::vector<LevelArrays>& levels, const Array<std::int64_t>& points) {
    std::vector<LevelView> views;
    std::size_t n_blocks = 0;
    for (const auto& [blocks, choice, pairs] : levels) {
        views.push_back({{blocks.data(), blocks.data() + blocks.size()}, choice.data(), pairs.data()});
        n_blocks += views.back().blocks.size();
    }
    const std::vector<std::size_t> rows(points.data(), points.data() + points.size());
    Array<Index> choice({rows.size(), n_blocks});
    Index* const written = choice.mutable_data();
    {
        const py::gil_scoped_release released;  // as above
        write_choice(views, rows, written);
    }
    return choice;
}

py::tuple top_of(const Array<Value>& values, const Array<std::int64_t>& offsets, const Array<std::uint8_t>& is_max,
                 const Array<Value>& origin, const Array<Value>& budgets, std::size_t k, std::size_t min_distance,
                 std::size_t max_nodes, double max_seconds, const py::object& ask) {
    const Problem problem = problem_of(values, offsets, is_max, origin);
    if (budgets.size() != is_max.size()) throw py::value_error("budgets and is_max differ");
    const std::vector<Value> bounds(budgets.data(), budgets.data() + budgets.size());
    Cancel cancel = ctrl_c(ask);
    Top best;
    {
        const py::gil_scoped_release released;  // as above
        best = top(problem, bounds, k, min_distance, {max_nodes, max_seconds}, cancel);
    }
    raise_if_cancelled(best.status);
    return py::make_tuple(static_cast<int>(best.status), matrix(std::move(best.totals), problem.n_metrics()),
                          matrix(std::move(best.choice), problem.n_blocks()), best.bound, best.n_pairs);
}

}  // namespace

void register_search(py::module_& module) {
    module.attr("MAX_METRICS") = max_metrics;
    module.attr("MAX_POINTS") = Tuning{}.most_points;
    module.def("prune", &prune_rows, py::arg("values").noconvert(), py::arg("is_max").noconvert(), py::arg("k"),
               py::arg("ask") = py::none(), "The rows of one block that fewer than k others prune, ascending.");
    module.def("front", &front_of, py::arg("values").noconvert(), py::arg("offsets").noconvert(),
               py::arg("is_max").noconvert(), py::arg("origin").noconvert(), py::arg("high").noconvert(),
               py::arg("slack"), py::arg("max_bytes"), py::arg("ask") = py::none(),
               "The front within bounds: status, totals, levels, numbers of blocks, points and visited pairs.");
    module.def("choice_of", &choice_of, py::arg("levels").noconvert(), py::arg("points").noconvert(),
               "The candidates of some points of the front with these levels.");
    module.def("top", &top_of, py::arg("values").noconvert(), py::arg("offsets").noconvert(),
               py::arg("is_max").noconvert(), py::arg("origin").noconvert(), py::arg("budgets").noconvert(),
               py::arg("k"), py::arg("min_distance"), py::arg("max_nodes"), py::arg("max_seconds"),
               py::arg("ask") = py::none(),
               "The k best subnets within budgets: status, totals, choice, bound, number of nodes.");
}

}  // namespace qabwnas

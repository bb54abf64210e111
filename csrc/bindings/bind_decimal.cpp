#include "bindings/bindings.hpp"
#include "numeric/budget_rows.hpp"
#include "numeric/decimal.hpp"

namespace qabwnas {

namespace {

py::array_t<Value> to_units_of(const Array<double>& values, int decimals, bool floor) {
    py::array_t<Value> units(values.size());
    const double* value = values.data();
    Value* unit = units.mutable_data();
    const Rounding rounding = floor ? Rounding::floor : Rounding::half_even;
    {
        const py::gil_scoped_release released;  // plain memory that this frame's arrays keep alive
        for (py::ssize_t i = 0; i < values.size(); ++i) unit[i] = to_units(value[i], decimals, rounding);
    }
    return units;
}

py::tuple budget_rows_of(const Array<std::uint8_t>& text, const Array<std::int64_t>& decimals) {
    const std::vector<std::int64_t> grid(decimals.data(), decimals.data() + decimals.size());
    const std::string_view lines(reinterpret_cast<const char*>(text.data()), static_cast<std::size_t>(text.size()));
    if (grid.empty()) throw py::value_error("rows need at least one column");
    Array<Value> units({n_lines(lines), grid.size()});
    Value* unit = units.mutable_data();
    std::vector<OddLine> odd;
    {
        const py::gil_scoped_release released;  // plain memory that this frame's arrays keep alive
        odd = budget_rows(lines, grid, unit);
    }
    Array<std::int64_t> places({odd.size(), std::size_t{3}});
    std::int64_t* place = places.mutable_data();
    for (const OddLine& line : odd)
        for (const std::size_t number : {line.row, line.start, line.end}) *place++ = static_cast<std::int64_t>(number);
    return py::make_tuple(units, places);
}

}  // namespace

void register_decimal(py::module_& module) {
    module.def("to_units", &to_units_of, py::arg("values").noconvert(), py::arg("decimals"), py::arg("floor"),
               "Finite doubles as whole units of 10^-decimals, clipped to ±2^62.");
    module.def("budget_rows", &budget_rows_of, py::arg("text").noconvert(), py::arg("decimals").noconvert(),
               "Lines of budgets in units, and the places (row, start, end) of the lines that are left to the caller.");
}

}  // namespace qabwnas

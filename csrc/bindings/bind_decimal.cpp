#include "bindings/bindings.hpp"
#include "qabwnas/decimal.hpp"

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

}  // namespace

void register_decimal(py::module_& module) {
    module.def("to_units", &to_units_of, py::arg("values").noconvert(), py::arg("decimals"), py::arg("floor"),
               "Finite doubles as whole units of 10^-decimals, cut off at ±2^62.");
}

}  // namespace qabwnas

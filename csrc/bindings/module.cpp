#include "bindings/bindings.hpp"

PYBIND11_MODULE(_core, module) {
    module.doc() = "The compiled core: qabwnas.search validates and calls it.";
    qabwnas::register_search(module);
    qabwnas::register_queries(module);
    qabwnas::register_decimal(module);
    qabwnas::register_baselines(module);
}

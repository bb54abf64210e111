#include "bindings/bindings.hpp"

PYBIND11_MODULE(_core, module) {
    module.doc() = "The compiled core: qabwnas.search and qabwnas.quant validate and call it.";
    qabwnas::register_search(module);
    qabwnas::register_queries(module);
    qabwnas::register_decimal(module);
    qabwnas::register_baselines(module);
    qabwnas::register_layers(module);
}

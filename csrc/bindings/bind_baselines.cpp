#include <chrono>

#include "baselines/brute_force.hpp"
#include "baselines/dna_traversal.hpp"
#include "bindings/bindings.hpp"

namespace qabwnas {

namespace {

// Stops a call at a deadline or at Ctrl-C, whichever comes first, and tells the two apart.
class Deadline {
  public:
    explicit Deadline(double seconds)
        : end_(Clock::now() +
               std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(std::min(seconds, longest)))),
          cancel_([this] {
              is_over_ = is_over_ || Clock::now() >= end_;
              const py::gil_scoped_acquire acquired;
              return is_over_ || PyErr_CheckSignals() != 0;
          }) {}

    Cancel& cancel() { return cancel_; }

    // The result of a call for Python. After Ctrl-C it re-raises the exception of the signal handler.
    py::tuple wrapped(Subnets found, const Problem& problem) const {
        if (found.status == Status::cancelled && !is_over_) throw py::error_already_set();
        const Status status = found.status == Status::cancelled ? Status::limit : found.status;
        return py::make_tuple(static_cast<int>(status), matrix(std::move(found.totals), problem.n_metrics()),
                              matrix(std::move(found.choice), problem.n_blocks()), found.n_pairs);
    }

  private:
    using Clock = std::chrono::steady_clock;
    static constexpr double longest = 1e9;  // more would not fit the clock
    Clock::time_point end_;
    bool is_over_ = false;
    Cancel cancel_;
};

py::tuple brute_force_of(const Array<Value>& values, const Array<std::int64_t>& offsets,
                         const Array<std::uint8_t>& is_max, const Array<Value>& origin, const Array<Value>& budgets,
                         std::size_t max_subnets, double max_seconds) {
    const Problem problem = problem_of(values, offsets, is_max, origin);
    if (budgets.size() != is_max.size()) throw py::value_error("budgets and is_max differ");
    const std::vector<Value> bounds(budgets.data(), budgets.data() + budgets.size());
    Deadline deadline(max_seconds);
    Subnets found;
    {
        const py::gil_scoped_release released;  // the views are plain memory that the caller's arrays keep alive
        found = brute_force(problem, bounds, max_subnets, deadline.cancel());
    }
    return deadline.wrapped(std::move(found), problem);
}

py::tuple dna_traversal_of(const Array<Value>& values, const Array<std::int64_t>& offsets, const Array<Value>& origin,
                           Value budget, bool repaired, std::size_t max_nodes, double max_seconds) {
    if (origin.size() != 2) throw py::value_error("the traversal takes a loss and a cost");
    Array<std::uint8_t> sums(2);
    std::fill_n(sums.mutable_data(), 2, std::uint8_t{0});
    const Problem problem = problem_of(values, offsets, sums, origin);
    Deadline deadline(max_seconds);
    Subnets found;
    {
        const py::gil_scoped_release released;  // as above
        found = dna_traversal(problem, budget, repaired, max_nodes, deadline.cancel());
    }
    return deadline.wrapped(std::move(found), problem);
}

}  // namespace

void register_baselines(py::module_& module) {
    module.def("brute_force", &brute_force_of, py::arg("values").noconvert(), py::arg("offsets").noconvert(),
               py::arg("is_max").noconvert(), py::arg("origin").noconvert(), py::arg("budgets").noconvert(),
               py::arg("max_subnets"), py::arg("max_seconds"),
               "The best of all subnets, by enumeration: status, totals, choice, number of subnets.");
    module.def("dna_traversal", &dna_traversal_of, py::arg("values").noconvert(), py::arg("offsets").noconvert(),
               py::arg("origin").noconvert(), py::arg("budget"), py::arg("repaired"), py::arg("max_nodes"),
               py::arg("max_seconds"), "DNA's traversal: status, totals, choice, number of visited candidates.");
}

}  // namespace qabwnas

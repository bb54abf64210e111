// Convolutions with kernels of one pixel, of maps with channels last: a product of matrices.
//
// Six pixels at a time keep sixteen outputs each in registers while all inputs pass by; they stay in the cache while
// panels of weights, sixteen outputs each, pass by. (Compare Goto, van de Geijn 2008.)
//
// Each output is a sum over the inputs in order, beginning with its bias: how pixels are shared out among threads or
// calls changes no bit. No state is shared between calls.
#pragma once

#include <cstddef>

#include "layers/aligned.hpp"
#include "layers/round.hpp"

namespace qabwnas {

class Pointwise {
  public:
    // weights: n_outputs × n_inputs; bias: n_outputs, or null. Outputs are rounded to a grid where there is one.
    Pointwise(const float* weights, const float* bias, const Grid* grid, std::size_t n_inputs, std::size_t n_outputs);

    std::size_t n_inputs() const { return n_inputs_; }
    std::size_t n_outputs() const { return n_outputs_; }

    // x: n_pixels × n_inputs; y: n_pixels × n_outputs, which is written.
    void write(const float* x, std::size_t n_pixels, float* y) const;

    // The same on at most n_threads threads.
    void write(const float* x, std::size_t n_pixels, float* y, std::size_t n_threads) const;

  private:
    std::size_t n_inputs_, n_outputs_;
    const Grid* grid_;
    // Panels of sixteen outputs, the inputs of each one after the other; biases too. What is behind the last output is
    // 0.
    AlignedFloats weights_, biases_;
};

}  // namespace qabwnas

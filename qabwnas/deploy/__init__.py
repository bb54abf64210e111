"""Networks that leave torch: ONNX models with their quantisation grids, run and checked in ONNX Runtime."""

"""Training: one loop, for the teacher, for block-wise distillation and for retraining."""

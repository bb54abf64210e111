"""Search of look-up tables: Pareto pruning, exact fronts, budgets, top-k."""

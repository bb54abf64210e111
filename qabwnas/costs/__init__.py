"""Analytic costs of candidates, fixed parts and whole networks, from shapes alone."""

from qabwnas.costs.analytic import (
    COSTS,
    PARAMETERS,
    CostMetric,
    block_costs,
    encoder_costs,
    fixed_costs,
    network_costs,
    row_costs,
    total_costs,
)
from qabwnas.costs.operation_type import FeatureMap, OperationType, OperatorList
from qabwnas.costs.operator_cost import (
    ACTIVATION_GRID_BYTES,
    BIAS_BYTES,
    WEIGHT_SCALE_BYTES,
    FixedParts,
    OperatorCost,
    Part,
    stem_operators,
)

__all__ = [
    "ACTIVATION_GRID_BYTES",
    "BIAS_BYTES",
    "COSTS",
    "PARAMETERS",
    "WEIGHT_SCALE_BYTES",
    "CostMetric",
    "FeatureMap",
    "FixedParts",
    "OperationType",
    "OperatorCost",
    "OperatorList",
    "Part",
    "block_costs",
    "encoder_costs",
    "fixed_costs",
    "network_costs",
    "row_costs",
    "stem_operators",
    "total_costs",
]

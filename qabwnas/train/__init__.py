"""Training: distillation of the supernet, teachers and found networks. Its names are those for tasks of one's own."""

from qabwnas.data.batches import read_batches
from qabwnas.data.dataset_split import DatasetSplit, divide_datasets
from qabwnas.data.splits import Batch, Split, Splits
from qabwnas.train.tasks import Classification, Score, Segmentation, Task, device_of

__all__ = [
    "Batch",
    "Classification",
    "DatasetSplit",
    "Score",
    "Segmentation",
    "Split",
    "Splits",
    "Task",
    "device_of",
    "divide_datasets",
    "read_batches",
]

"""Images in class folders, read by a plain data set of torch, and scored by balanced accuracy."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import Dataset

from qabwnas.train import Score, Split, Task, device_of, divide_datasets, read_batches

BATCH = 64


class ClassFolders(Dataset[tuple[Tensor, int]]):
    """The images FOLDER/CLASS/*.png. With ``flips``, half of them are mirrored at random."""

    def __init__(self, folder: Path, size: int, *, flips: bool = False) -> None:
        self.classes = sorted(path.name for path in folder.iterdir() if path.is_dir())
        self.paths = [path for name in self.classes for path in sorted((folder / name).glob("*.png"))]
        self.size = size
        self.flips = flips

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        path = self.paths[index]
        with Image.open(path) as image:
            pixels = np.asarray(image.convert("RGB").resize((self.size, self.size)), dtype=np.float32)
        tensor = torch.from_numpy(pixels).permute(2, 0, 1) / 127.5 - 1
        if self.flips and torch.rand(()) < 0.5:
            tensor = tensor.flip(2)
        return tensor, self.classes.index(path.parent.name)


class Shapes(Task):
    """Classification with label smoothing, scored by balanced accuracy: the mean over classes of the share found."""

    score_name = "balanced accuracy"

    def __init__(self, root: Path, size: int, held_out: int, smoothing: float = 0.1) -> None:
        train, test = ClassFolders(root / "train", size), ClassFolders(root / "val", size)
        augmented = ClassFolders(root / "train", size, flips=True)
        super().__init__(divide_datasets(train, test, calibration=held_out, validation=held_out, augmented=augmented))
        self.smoothing = smoothing

    def loss(self, logits: Tensor, labels: Tensor) -> Tensor:
        return F.cross_entropy(logits, labels, label_smoothing=self.smoothing)

    @torch.inference_mode()
    def score(self, network: nn.Module, split: Split, *, workers: int = 0) -> Score:
        network.eval()
        found: dict[int, list[Any]] = {}
        for batch in read_batches(split, BATCH, workers=workers):
            answers = network(batch.images.to(device_of(network))).argmax(dim=1).cpu()
            for label, answer in zip(batch.labels.tolist(), answers.tolist(), strict=True):
                found.setdefault(label, []).append(label == answer)
        shares = [(float(np.mean(hits)), len(hits)) for hits in found.values()]
        variance = sum(share * (1 - share) / n for share, n in shares) / len(shares) ** 2
        return Score(float(np.mean([share for share, _ in shares])), variance**0.5)

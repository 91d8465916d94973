"""The loss of one cell: detection, or the classes of a policy of several outputs, weighted as the recipe sets it."""

from __future__ import annotations

from dataclasses import asdict

import torch
from torch import Tensor

from grid.detectors.contract import Head
from grid.training.cell_items import CellDataset, weights_of_classes
from grid.training.losses import OneClassMargins, class_cross_entropy, detection_loss


class CellLoss:
    """The loss of a detector's outputs `(batch, outputs)` and the targets `(batch,)` of `CellDataset.targets`.

    `class_weights` are the weights by class, `warnings` what the record of the cell is to say of them.
    """

    def __init__(self, data: CellDataset, head: Head, device: torch.device) -> None:
        recipe = data.job.recipe
        self._head = head
        options = recipe.one_class
        self._margins = OneClassMargins(options.bonafide_margin, options.spoof_margin, options.scale)
        self.class_weights: dict[str, float] = {}
        self.warnings: list[str] = []
        if data.job.classes:
            items = data.items_of_classes()
            self.class_weights = dict(zip(items, weights_of_classes(data), strict=True))
            self.warnings = [f"class {name} has no training item" for name, count in items.items() if count == 0]
            self._of_classes = torch.tensor(list(self.class_weights.values()), device=device)
        else:
            self._weights = data.class_weights()
            self.class_weights = asdict(self._weights)

    def __call__(self, outputs: Tensor, targets: Tensor) -> Tensor:
        if targets.is_floating_point():
            return detection_loss(outputs, targets, self._weights, self._head, self._margins)
        return class_cross_entropy(outputs, targets, self._of_classes)

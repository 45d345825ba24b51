"""Pseudo-healthy reconstruction of brain MRI by guided diffusion."""

from healthward.lazy_packages import import_lazily

__version__ = "0.1.0"

import_lazily(
    *("generative", "monai", "piq", "torchmetrics", "torchvision.models.detection", "torchvision.ops"),
    sets=("torchmetrics",),
)

"""The atlas that comes along: regions of the brain in MNI152 space, each left and right."""

from pathlib import Path

FILE = Path(__file__).parent / "assets" / "regions.nii.gz"
"""Made by tests/benchmarks/atlas.py of 150 heads of the IXI data set, labelled by NiChart (CC BY-SA 3.0)."""

REGIONS = (
    "hippocampus",
    "amygdala",
    "entorhinal cortex",
    "parahippocampal gyrus",
    "temporal cortex",
    "parietal cortex",
    "frontal cortex",
    "occipital cortex",
    "cingulate cortex",
    "insula",
    "deep grey matter",
    "lateral ventricle",
    "white matter",
    "cerebellum",
)
"""By the numbers of their labels: 1 and 2 are the left and the right of the first."""

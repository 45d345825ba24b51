"""Where the weights behind LPIPS and FID are searched for.

A run downloads nothing: a weights file is searched for in the folder that the user names, then in torch hub's cache.
"""

import os
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from healthward.errors import InputError


@dataclass(frozen=True)
class Backbone:
    """A network's weights file.

    Attributes:
        network: its name for a reader.
        files: names under which the file is distributed, the usual one first.
        url: where it can be had.
    """

    network: str
    files: tuple[str, ...]
    url: str


BACKBONES = {
    "lpips": Backbone(
        "AlexNet", ("alexnet-owt-7be5be79.pth",), "https://download.pytorch.org/models/alexnet-owt-7be5be79.pth"
    ),
    "fid": Backbone(
        "Inception v3",
        ("weights-inception-2015-12-05-6726825d.pth", "pt_inception-2015-12-05-6726825d.pth"),
        "https://github.com/toshas/torch-fidelity/releases/download/v0.2.0/weights-inception-2015-12-05-6726825d.pth",
    ),
}
"""The metrics that need weights."""


def find_weights(folder: Path | None) -> dict[str, Path]:
    """Return the weights file of each metric of `BACKBONES` that has one in `folder` or in torch hub's cache."""
    found = {}
    for metric, backbone in BACKBONES.items():
        present = [path for place in _places(folder) for name in backbone.files if (path := place / name).is_file()]
        if present:
            found[metric] = present[0]
    return found


def fetch_weights(folder: Path) -> None:
    """Download into `folder` every weights file that it lacks, with a progress bar; a broken download leaves none.

    Raises:
        InputError: a file cannot be had, or is not the one that its name says.
    """
    from torch.hub import download_url_to_file  # slow

    folder.mkdir(parents=True, exist_ok=True)
    for backbone in BACKBONES.values():
        file = folder / backbone.files[0]
        if file.is_file():
            continue
        # The name ends with the first digits of the content's SHA-256
        digits = file.stem.rsplit("-", 1)[1]
        try:
            download_url_to_file(backbone.url, str(file), digits)
        except (OSError, RuntimeError) as error:
            raise InputError(
                f"{backbone.url}: cannot be downloaded ({error}); get it on a machine with a network into {folder}"
            ) from error


def describe_absence(metrics: Collection[str], folder: Path | None) -> str:
    """Say, a line a metric, which weights file is missing, where it was searched for and where it can be had."""
    places = " and ".join(str(place) for place in _places(folder))
    return "\n".join(
        f"{metric}: no weights of {backbone.network}: {' or '.join(backbone.files)} is not in {places};"
        f" get it from {backbone.url} and name its folder with --weights"
        for metric, backbone in BACKBONES.items()
        if metric in metrics
    )


def _places(folder: Path | None) -> list[Path]:
    # As torch.hub.get_dir() has it, whose import takes most of the time that `check` takes
    home = os.getenv("TORCH_HOME", f"{os.getenv('XDG_CACHE_HOME', '~/.cache')}/torch")
    # Path.expanduser() fails where a user has no home, as in a container
    cache = Path(os.path.expanduser(home)) / "hub" / "checkpoints"  # noqa: PTH111
    return [cache] if folder is None else [folder, cache]

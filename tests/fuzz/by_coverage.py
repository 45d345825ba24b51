"""Fuzz one target by coverage, in a process of its own: see campaign.py."""

import sys
from pathlib import Path

import atheris

PROJECT = Path(__file__).parents[2]
sys.path[:0] = [str(PROJECT / "bin"), str(PROJECT / "tests")]

with atheris.instrument_imports(include=["healthward", "nibabel.nifti1", "nibabel.volumeutils", "csv", "json"]):
    from fuzz.targets import TARGETS


def main(name: str, corpus: str, *options: str) -> None:
    """Fuzz until libFuzzer's options say that it is enough, or the target raises."""
    target, seeds = TARGETS[name]
    for number, content in enumerate(seeds):
        (Path(corpus) / f"seed{number}").write_bytes(content)
    atheris.Setup([sys.argv[0], corpus, *options], target)
    atheris.Fuzz()


if __name__ == "__main__":
    main(*sys.argv[1:])

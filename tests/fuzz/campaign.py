"""Fuzz targets by coverage with atheris: `python tests/fuzz/campaign.py --minutes 10` takes each that long."""

import argparse
import re
import subprocess
import sys
import tempfile
from pathlib import Path

PROJECT = Path(__file__).parents[2]


def fuzz(name: str, seconds: int, broken: Path) -> tuple[int, str]:
    """Return how many inputs were tried, and what the fuzzer said if one broke the target: that one is in `broken`."""
    with tempfile.TemporaryDirectory() as corpus:
        options = (f"-max_total_time={seconds}", "-seed=1", "-max_len=4096", "-rss_limit_mb=2048", "-timeout=60")
        done = subprocess.run(
            [
                *(sys.executable, Path(__file__).parent / "by_coverage.py", name, corpus),
                *(*options, "-print_final_stats=1", f"-artifact_prefix={broken}/"),
            ],
            capture_output=True, text=True, errors="replace", check=False,
        )  # fmt: skip
    tried = re.search(r"number_of_executed_units: (\d+)", done.stderr)
    return int(tried.group(1)) if tried else 0, done.stderr[-3000:] if done.returncode else ""


def main() -> None:
    """Fuzz every target, one after the other; status 1 if any broke."""
    sys.path[:0] = [str(PROJECT / "bin"), str(PROJECT / "tests")]
    from fuzz.targets import TARGETS

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10, help="for each target")
    parser.add_argument(
        "--broken", type=Path, default=PROJECT / "results/fuzz", help="folder for inputs that break one"
    )
    arguments = parser.parse_args()
    arguments.broken.mkdir(parents=True, exist_ok=True)
    failed = False
    for name in TARGETS:
        tried, said = fuzz(name, int(60 * arguments.minutes), arguments.broken)
        print(f"{name}: {tried} inputs tried, {'BROKEN' if said else 'none broke it'}\n{said}", flush=True)
        failed |= bool(said)
    sys.exit(failed)


if __name__ == "__main__":
    main()

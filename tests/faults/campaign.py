"""Faults at random moments: `python tests/faults/campaign.py --count 50 --seed 1` injects that many."""

import argparse
import os
import random
import secrets
import sys
import tempfile
from pathlib import Path

# Before PyTorch is imported: threads that wait for each other crawl on a machine that does anything else
os.environ.setdefault("OMP_NUM_THREADS", "1")
PROJECT = Path(__file__).parents[2]
sys.path[:0] = [str(PROJECT / "bin"), str(PROJECT / "tests")]

from faults.pipeline import NEXTFLOW, TOOL, differing, shake  # noqa: E402
from faults.tools import campaign  # noqa: E402
from runs import TEST, succeed  # noqa: E402

STRUCK = ("slice.py", "train.py", "reconstruct.py", "score.py", "aggregate.py")


def main() -> None:
    """Kill single tools, then tools and Nextflow of a whole run, a fifth of all; status 1 if a result was lost."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=50)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(2**31))
    arguments = parser.parse_args()
    within = arguments.count // 5
    print(f"seed {arguments.seed}", flush=True)
    injected, lost, torn = 0, 0, 0
    with tempfile.TemporaryDirectory() as name:
        (Path(name) / "tools").mkdir()
        for injection in campaign(Path(name) / "tools", arguments.count - within, arguments.seed):
            print(injection, flush=True)
            injected, lost, torn = injected + 1, lost + len(injection.lost), torn + len(injection.torn)
        print(f"tools: {injected} injected, {torn} files half written when they were killed, lost: {lost}", flush=True)
        rng = random.Random(arguments.seed)
        (Path(name) / "calm").mkdir()
        (Path(name) / "shaken").mkdir()
        calm = succeed(Path(name) / "calm", *TEST).outdir
        stages = sorted((rng.choice(STRUCK) for _ in range(within)), key=STRUCK.index)
        plan = [(rng.choice((TOOL, NEXTFLOW)), stage) for stage in stages]
        shaken = shake(Path(name) / "shaken", TEST, calm, plan, rng)
        print(*shaken.strikes, sep="\n")
        gone = differing(Path(name) / "shaken/results", calm)
        print(
            f"whole run: {len(shaken.strikes)} injected, half published when Nextflow was dead: {shaken.torn or 0},",
            f"done twice: {shaken.redone or 0}, lost: {gone or 0}",
        )
    print(f"seed {arguments.seed}: {injected + len(shaken.strikes)} injected, lost: {lost + len(gone)}")
    sys.exit(bool(lost or gone))


if __name__ == "__main__":
    main()

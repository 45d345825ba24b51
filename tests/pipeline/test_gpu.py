"""The way from volume to report on a GPU, at the real size."""

from pathlib import Path

import pandas as pd
import pytest
import torch

from runs import succeed

SIZES = ("--size", "128", "--channels", "64,64,64", "--attention_levels", "0,1,1", "--batch_size", "16")


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device, and PyTorch sees none")
def test_real_size_goes_through_on_a_gpu(tmp_path: Path) -> None:
    run = succeed(tmp_path, "-profile", "test,cuda", *SIZES, "--iterations", "200", "--ddim_steps", "10")
    assert set(run.tasks().values()) == {"COMPLETED"}
    slices = pd.read_csv(run.outdir / "tables/slices.csv")
    assert len(slices) == 6 * 156
    assert slices["round_trip_psnr"].notna().all()

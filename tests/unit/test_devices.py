import os
import warnings

import pytest
import torch

from healthward.diffusion.devices import in_portions, select_device, select_precision
from healthward.errors import InputError

OLD_DRIVER = (
    "CUDA initialization: The NVIDIA driver on your system is too old (found version 12020). Please update your GPU"
    " driver (Triggered internally at CUDAFunctions.cpp:119.)"
)


@pytest.fixture(autouse=True)
def algorithms_as_they_were():
    yield
    torch.use_deterministic_algorithms(False)
    torch.utils.deterministic.fill_uninitialized_memory = True


def test_cpu_is_always_there():
    assert select_device("cpu") == torch.device("cpu")


@pytest.mark.parametrize("name", ["cuda", "mps"])
def test_absent_device_is_named(name, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    with pytest.raises(InputError, match=f"device {name}: none is visible"):
        select_device(name)
    assert select_device("auto") == torch.device("cpu")


def test_precision_goes_by_device_unless_it_is_given():
    cuda, cpu = torch.device("cuda"), torch.device("cpu")
    assert [select_precision("auto", device) for device in (cuda, cpu)] == [torch.bfloat16, torch.float32]
    assert [select_precision(name, cuda) for name in ("float32", "bfloat16")] == [torch.float32, torch.bfloat16]


def test_driver_that_is_too_old_is_one_line_with_a_mend(monkeypatch, caplog):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: warnings.warn(OLD_DRIVER, stacklevel=1) or False)
    with pytest.raises(InputError, match=r"knows CUDA 12\.2 at most.* CUDA 12 \(docs/cluster\.md\)") as caught:
        select_device("cuda")
    assert "\n" not in str(caught.value)
    assert select_device("auto") == torch.device("cpu")
    assert [record.message for record in caplog.records] == [str(caught.value)]


def test_each_process_takes_a_gpu_of_its_own(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert select_device("cuda", rank=1) == torch.device("cuda", 1)
    with pytest.raises(InputError, match="2 visible, and 3 processes"):
        select_device("cuda", rank=2)


def test_work_on_a_gpu_is_repeatable(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.delenv("CUBLAS_WORKSPACE_CONFIG", raising=False)
    select_device("cuda")
    assert torch.are_deterministic_algorithms_enabled()
    assert os.environ["CUBLAS_WORKSPACE_CONFIG"] == ":4096:8"


def rows_of_a_device_that_holds(capacity, seen):
    def work(rows: slice) -> list[int]:
        seen.append(rows.stop - rows.start)
        if rows.stop - rows.start > capacity:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return list(range(rows.start, rows.stop))

    return work


def test_what_the_memory_does_not_hold_is_halved_and_nothing_is_lost():
    seen = []
    done = in_portions(11, 8, rows_of_a_device_that_holds(3, seen))
    assert [row for rows in done for row in rows] == list(range(11))
    assert seen == [8, 4, 2, 2, 2, 2, 2, 1]


def test_a_single_row_too_many_is_an_input_error():
    with pytest.raises(InputError, match="single slice"):
        in_portions(3, 2, rows_of_a_device_that_holds(0, []))


def test_other_errors_pass():
    def work(rows: slice) -> None:
        raise RuntimeError("shapes differ")

    with pytest.raises(RuntimeError, match="shapes differ"):
        in_portions(3, 2, work)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device, and PyTorch sees none")
def test_a_real_gpu_that_runs_out_of_memory_goes_on():
    device, free = select_device("cuda"), torch.cuda.mem_get_info()[0]
    # Eight rows would take twice what is free
    row = torch.empty(free // 4, dtype=torch.uint8)

    def work(rows: slice) -> int:
        held = [row.to(device, copy=True) for _ in range(rows.start, rows.stop)]
        return len(held)

    assert sum(in_portions(8, 8, work)) == 8

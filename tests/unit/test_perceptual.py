"""The networks behind LPIPS and FID: finding, loading and refusing weights files; their values.

The weights are random: they prove the way from a file to a value, not the value itself.
"""

import warnings
from pathlib import Path

import lpips
import numpy as np
import pytest
import torch
from torchmetrics.image.fid import NoTrainInceptionV3

from healthward.errors import InputError
from healthward.evaluation.metrics import slice_metrics
from healthward.evaluation.perceptual import Inception, Lpips
from healthward.evaluation.weights import BACKBONES, describe_absence, find_weights
from random_weights import ALEXNET, INCEPTION, save_alexnet, save_inception

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def alexnet_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_alexnet(tmp_path_factory.mktemp("alexnet"))


@pytest.fixture(scope="module")
def inception_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_inception(tmp_path_factory.mktemp("inception"))


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Torch hub's cache of weights, empty."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    folder = tmp_path / "torch" / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def slices() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    x = torch.rand(3, 64, 64, generator=generator)
    return x, (x + 0.2 * torch.rand(x.shape, generator=generator)).clamp(0, 1)


def test_weights_are_found_in_the_folder_first_and_then_in_the_cache(cache: Path, tmp_path: Path) -> None:
    assert find_weights(tmp_path) == find_weights(None) == {}
    (cache / ALEXNET).touch()
    (cache / INCEPTION).touch()
    assert find_weights(None) == {"lpips": cache / ALEXNET, "fid": cache / INCEPTION}
    (tmp_path / ALEXNET).touch()
    assert find_weights(tmp_path) == {"lpips": tmp_path / ALEXNET, "fid": cache / INCEPTION}


@pytest.mark.parametrize(
    "named", [{}, {"XDG_CACHE_HOME": "/caches"}, {"TORCH_HOME": "~/ours", "XDG_CACHE_HOME": "/caches"}]
)
def test_the_cache_is_where_torch_hub_has_it(named: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("TORCH_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in named.items():
        monkeypatch.setenv(name, value)
    assert f" is not in {torch.hub.get_dir()}/checkpoints;" in describe_absence(["lpips"], None)


def test_both_names_of_the_inception_file_are_known(cache: Path, tmp_path: Path) -> None:
    path = tmp_path / "pt_inception-2015-12-05-6726825d.pth"
    path.touch()
    assert find_weights(tmp_path) == {"fid": path}


def test_absence_names_file_folders_and_source(cache: Path, tmp_path: Path) -> None:
    lines = describe_absence(["lpips", "fid"], tmp_path).splitlines()
    for line, (metric, backbone) in zip(lines, BACKBONES.items(), strict=True):
        for part in (f"{metric}:", *backbone.files, str(tmp_path), str(cache), backbone.url, "--weights"):
            assert part in line


def test_lpips_is_that_of_the_lpips_package(tmp_path: Path, slices: tuple[torch.Tensor, torch.Tensor]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = lpips.LPIPS(net="alex", pnet_rand=True, verbose=False)
    state = {f"features.{name.split('.', 1)[1]}": value for name, value in theirs.net.state_dict().items()}
    torch.save(state, tmp_path / ALEXNET)
    value, distance = Lpips(tmp_path / ALEXNET, CPU)(*slices)
    x, y = (grey[:, None].expand(-1, 3, -1, -1) for grey in slices)
    with torch.no_grad():
        np.testing.assert_allclose(value, theirs(x, y, normalize=True).flatten(), rtol=1e-5)
        theirs.spatial = True
        np.testing.assert_allclose(distance, theirs(x, y, normalize=True)[:, 0], rtol=1e-4)


def test_lpips_of_equal_slices_is_zero_and_a_batch_is_its_slices(
    alexnet_file: Path, slices: tuple[torch.Tensor, torch.Tensor]
) -> None:
    network, (x, y) = Lpips(alexnet_file, CPU), slices
    value, distance = network(x, x)
    assert not value.any()
    assert not distance.any()
    value, distance = network(x, y)
    assert (value > 0).all()
    for k in range(len(x)):
        alone = network(x[k, None], y[k, None])
        torch.testing.assert_close(alone[0][0], value[k], rtol=1e-5, atol=1e-6)
        torch.testing.assert_close(alone[1][0], distance[k], rtol=1e-4, atol=1e-6)


def test_lpips_of_the_smallest_frame_and_over_the_brain(alexnet_file: Path) -> None:
    x = torch.rand(3, 1, 32, 32, generator=torch.Generator().manual_seed(0))
    brain = torch.zeros(x.shape, dtype=torch.bool)
    brain[:2, :, 4:28, 4:28] = True
    values = slice_metrics(x, 1 - x, brain, (), Lpips(alexnet_file, CPU))
    assert (values["lpips"] > 0).all()
    assert (values["lpips_brain"][:2] > 0).all()
    assert np.isnan(values["lpips_brain"][2])


def test_inception_features_are_those_of_torchmetrics(
    inception_file: Path, slices: tuple[torch.Tensor, torch.Tensor]
) -> None:
    x, _ = slices
    features = Inception(inception_file, CPU)(x, at_once=2)
    theirs = NoTrainInceptionV3("inception-v3-compat", ["2048"], str(inception_file))
    np.testing.assert_allclose(features, theirs((x * 255).byte()[:, None].expand(-1, 3, -1, -1)), rtol=1e-3, atol=1e-5)
    assert features.shape == (3, 2048)
    assert features.dtype == np.float32
    assert len(np.unique(features, axis=0)) == 3


def test_no_slices_have_no_features(inception_file: Path) -> None:
    assert Inception(inception_file, CPU)(torch.empty(0, 64, 64)).shape == (0, 2048)


class Planted:
    """An object whose unpickling creates a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (self.path,)


@pytest.mark.parametrize("load", [Lpips, Inception])
def test_a_pickle_that_would_run_code_is_refused(load: type, tmp_path: Path) -> None:
    trap = tmp_path / "executed"
    torch.save({"features.0.weight": Planted(trap)}, tmp_path / "weights.pth")
    with pytest.raises(InputError, match=r"weights\.pth"):
        load(tmp_path / "weights.pth", CPU)
    assert not trap.exists()


@pytest.mark.parametrize("load", [Lpips, Inception])
@pytest.mark.parametrize("damage", ["empty", "page", "noise", "cut", "other", "list", "values"])
def test_a_file_that_is_no_weights_is_refused_by_name(
    load: type, damage: str, alexnet_file: Path, tmp_path: Path
) -> None:
    path = tmp_path / "weights.pth"
    if damage == "empty":
        path.touch()
    elif damage == "page":
        path.write_text("<html>404 not found</html>")
    elif damage == "noise":
        path.write_bytes(np.random.default_rng(0).bytes(5000))
    elif damage == "cut":
        path.write_bytes(alexnet_file.read_bytes()[:100_000])
    elif damage == "other":
        torch.save(torch.nn.Linear(2, 2).state_dict(), path)
    elif damage == "list":
        torch.save([torch.zeros(1)], path)
    else:
        torch.save(dict.fromkeys(torch.load(alexnet_file), 0), path)
    with pytest.raises(InputError, match=r"weights\.pth.*get it anew from"):
        load(path, CPU)


def test_addresses_are_those_that_the_libraries_would_download_from():
    from torch_fidelity.feature_extractor_inceptionv3 import URL_INCEPTION_V3
    from torchvision.models import AlexNet_Weights

    assert BACKBONES["lpips"].url == AlexNet_Weights.IMAGENET1K_V1.url
    assert BACKBONES["fid"].url == URL_INCEPTION_V3

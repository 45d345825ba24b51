import json
import pickle
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from healthward.diffusion.model import Architecture, ConditionalUNet, guided, load_model, read_architecture, save_model
from healthward.errors import InputError
from healthward.imaging.signatures import save_signatures, signature

SMALL = Architecture((16, 32), (False, True), 1, 16, 24)


def random_model(architecture: Architecture = SMALL, seed: int = 0) -> ConditionalUNet:
    torch.manual_seed(seed)
    model = ConditionalUNet(architecture)
    with torch.no_grad():
        for weights in model.unet.parameters():
            # The last convolution of each block starts at zero, which would hide differences.
            weights.add_(0.05 * torch.randn_like(weights))
    return model.eval().requires_grad_(False)


def inputs(batch: int = 3, size: int = 16):
    generator = torch.Generator().manual_seed(1)
    return torch.randn(batch, 1, size, size, generator=generator), torch.tensor([0, 120, 399]), torch.tensor([0, 1, 5])


def test_null_token_is_the_zero_vector():
    assert not random_model().embedding(torch.tensor(0)).any()


def test_condition_and_timestep_matter():
    model = random_model()
    x, _, _ = inputs()
    times, classes = torch.tensor([50, 50, 300]), torch.tensor([1, 5, 1])
    out = model(x[:1].expand(3, -1, -1, -1), times, classes)
    assert (out[0] - out[1]).abs().max() > 1e-4
    assert (out[0] - out[2]).abs().max() > 1e-4


def test_class_reaches_every_block_by_the_timestep():
    # without attention nothing else carries it
    model = random_model(Architecture((16, 32), (False, False), 1, 16, 24, time_conditioning=True))
    x, _, _ = inputs()
    out = model(x[:1].expand(2, -1, -1, -1), torch.tensor([50, 50]), torch.tensor([1, 5]))
    assert (out[0] - out[1]).abs().max() > 1e-4


def test_fused_attention_gives_what_the_library_gives():
    from generative.networks.nets.diffusion_model_unet import CrossAttention

    model = random_model()
    x, times, classes = inputs()
    fused = model(x, times, classes)
    for module in model.modules():
        if isinstance(module, CrossAttention):
            module.__class__ = CrossAttention
    torch.testing.assert_close(model(x, times, classes), fused, atol=1e-5, rtol=1e-5)


def test_half_precision_is_near_and_returns_float32():
    model = random_model()
    exact = model(*inputs())
    model.precision = torch.bfloat16
    while_learning = model(*inputs())
    model.compute_in(torch.bfloat16)
    for rough in (while_learning, model(*inputs())):
        assert rough.dtype == torch.float32
        assert not torch.equal(rough, exact)
        torch.testing.assert_close(rough, exact, atol=0.05, rtol=0.05)


@pytest.mark.parametrize("scale", [0, 1])
def test_guidance_of_zero_and_one_are_the_two_chains_exactly(scale):
    model = random_model()
    x, _, _ = inputs()
    times = torch.full((3,), 77)
    expected = model(x, times, torch.full((3,), 4 if scale else 0))
    assert torch.equal(guided(model, 4, scale)(x, 77), expected)


def test_guidance_is_one_batched_call_that_extrapolates():
    model = random_model()
    x, _, _ = inputs()
    calls = []
    handle = model.register_forward_hook(lambda _, args, __: calls.append(args[0].shape[0]))
    out = guided(model, 4, 3.0)(x, 77)
    handle.remove()
    assert calls == [6]
    null, as_class = guided(model, 4, 0)(x, 77), guided(model, 4, 1)(x, 77)
    torch.testing.assert_close(out, null + 3 * (as_class - null), atol=1e-5, rtol=1e-5)


def test_a_saved_model_loads_with_the_same_output(tmp_path):
    model = random_model()
    save_model(tmp_path / "model", model, {"size": 16})
    loaded = load_model(tmp_path / "model")
    assert torch.equal(loaded(*inputs()), model(*inputs()))
    assert json.loads((tmp_path / "model/config.json").read_text())["size"] == 16


@pytest.mark.parametrize(
    "architecture",
    [
        Architecture(),
        SMALL,
        Architecture((32, 32, 64, 64), (False, False, True, True), 2, 32, 48),
        Architecture((16, 32, 64), (False, False, False), 1, 16, 64, time_conditioning=True),
    ],
)
def test_architecture_is_read_off_the_tensors(architecture, tmp_path):
    model = ConditionalUNet(architecture)
    read = read_architecture(
        model.unet.state_dict(), model.embedding.state_dict(), architecture.head_channels, tmp_path
    )
    assert read == architecture


def test_a_prototype_pair_made_with_monai_generative_loads(tmp_path):
    from generative.networks.nets import DiffusionModelUNet

    torch.manual_seed(3)
    unet = DiffusionModelUNet(
        spatial_dims=2,
        in_channels=1,
        out_channels=1,
        num_channels=(64, 64, 64),
        attention_levels=(False, True, True),
        num_res_blocks=1,
        num_head_channels=16,
        with_conditioning=True,
        cross_attention_dim=64,
    ).eval()
    with torch.no_grad():
        for weights in unet.out.parameters():
            weights.normal_(std=0.1)
    embedding = torch.nn.Embedding(6, 64, padding_idx=0)
    torch.save(unet.state_dict(), tmp_path / "x_diffusion.pt")
    torch.save(embedding.state_dict(), tmp_path / "x_emb.pt")
    loaded = load_model(tmp_path / "x_diffusion.pt", tmp_path / "x_emb.pt")
    x, times, classes = inputs()
    with torch.no_grad():
        expected = unet(x, timesteps=times, context=embedding(classes)[:, None])
    torch.testing.assert_close(loaded(x, times, classes), expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("conditioned", [False, True])
def test_weights_load_into_the_maintained_network_of_monai(tmp_path, conditioned):
    from monai.networks.nets import DiffusionModelUNet

    model = random_model(replace(SMALL, time_conditioning=conditioned))
    save_model(tmp_path, model, {})
    core = DiffusionModelUNet(
        spatial_dims=2,
        in_channels=1,
        out_channels=1,
        channels=SMALL.channels,
        attention_levels=SMALL.attention_levels,
        num_res_blocks=SMALL.res_blocks,
        num_head_channels=SMALL.head_channels,
        with_conditioning=True,
        cross_attention_dim=SMALL.conditioning_dim,
        norm_num_groups=16,
        num_class_embeds=SMALL.conditions if conditioned else None,
    ).eval()
    core.load_old_state_dict(load_file(tmp_path / "diffusion.safetensors"))
    x, times, classes = inputs()
    with torch.no_grad():
        context, labels = model.embedding(classes)[:, None], classes if conditioned else None
        theirs = core(x, timesteps=times, context=context, class_labels=labels)
    torch.testing.assert_close(theirs, model(x, times, classes), atol=1e-5, rtol=1e-5)


class Payload:
    def __reduce__(self):
        return (print, ("this must never run",))


def test_a_pickle_that_would_run_code_is_refused(tmp_path, capsys):
    for name in ("evil.pt", "emb.pt"):
        torch.save({"weight": Payload()}, tmp_path / name)
    with pytest.raises(InputError, match=r"evil\.pt: refused"):
        load_model(tmp_path / "evil.pt", tmp_path / "emb.pt")
    assert "never" not in capsys.readouterr().out


@pytest.mark.parametrize("content", [b"", b"rubbish", pickle.dumps([1, 2])])
def test_a_damaged_pair_is_named(tmp_path, content):
    (tmp_path / "x.pt").write_bytes(content)
    with pytest.raises(InputError, match=r"x\.pt"):
        load_model(tmp_path / "x.pt", tmp_path / "x.pt")


def test_another_network_is_refused(tmp_path):
    torch.save(torch.nn.Linear(2, 2).state_dict(), tmp_path / "x.pt")
    with pytest.raises(InputError, match="no state dict of monai-generative"):
        load_model(tmp_path / "x.pt", tmp_path / "x.pt")


def test_a_truncated_model_is_named(tmp_path):
    save_model(tmp_path, random_model(), {})
    file = tmp_path / "diffusion.safetensors"
    file.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(InputError, match=r"diffusion\.safetensors"):
        load_model(tmp_path)


@pytest.mark.parametrize("name", ["diffusion.safetensors", "embedding.safetensors", "training_scans.safetensors"])
@pytest.mark.parametrize("older", [False, True])
def test_files_of_two_trainings_are_no_model(tmp_path, name, older):
    scans = [signature(np.random.default_rng(seed).random((9, 9, 9), dtype=np.float32)) for seed in range(2)]
    for place, scan, seed in zip(("one", "other"), scans, (1, 2), strict=True):
        (tmp_path / place).mkdir()
        save_signatures(tmp_path / place / "training_scans.safetensors", [scan])
        save_model(tmp_path / place, random_model(seed=seed), {})
    config = tmp_path / "one/config.json"
    load_model(config.parent)
    if older:
        config.write_text(json.dumps(json.loads(config.read_text()) | {"files": None}))
    (tmp_path / "one" / name).write_bytes((tmp_path / "other" / name).read_bytes())
    if older:
        load_model(config.parent)
        return
    with pytest.raises(InputError, match=f"{name}: not what its config.json tells of; copy all files of one training"):
        load_model(config.parent)
    (tmp_path / "one" / name).unlink()
    with pytest.raises(InputError, match=f"{name}: (not what its config.json tells of|missing)"):
        load_model(config.parent)

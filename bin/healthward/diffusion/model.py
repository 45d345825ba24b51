"""The class-conditional denoising UNet: built, saved, loaded. All that touches monai-generative is here."""

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from generative.networks.nets.diffusion_model_unet import BasicTransformerBlock, CrossAttention, DiffusionModelUNet
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import nn
from torch.nn.functional import scaled_dot_product_attention

from healthward.diffusion.model_files import FILES, check_files, digests
from healthward.diffusion.sampler import Denoiser
from healthward.errors import InputError
from healthward.labels import ADNI, NULL_CONDITION

State = Mapping[str, torch.Tensor]


@dataclass(frozen=True)
class Architecture:
    """What the UNet is made of.

    Attributes:
        channels: of each level, from the finest.
        attention_levels: whether a level has attention, and with it sees the condition.
        res_blocks: residual blocks a level.
        head_channels: channels an attention head.
        conditioning_dim: length of a condition's embedding.
        conditions: rows of the embedding, the null token included.
        time_conditioning: whether every residual block is conditioned on the class with the timestep, too, as in
            Dhariwal and Nichol, NeurIPS 2021; else attention alone is.
    """

    channels: tuple[int, ...] = (64, 64, 64)
    attention_levels: tuple[bool, ...] = (False, True, True)
    res_blocks: int = 1
    head_channels: int = 16
    conditioning_dim: int = 64
    conditions: int = len(ADNI) + 1
    time_conditioning: bool = False


class ConditionalUNet(nn.Module):
    """Predicts the noise in slices of a known class: monai-generative's UNet behind an embedding of the class.

    Condition 0 is the null token, which stays the zero vector; from 1 on they are the classes in their order.

    Attributes:
        precision: what is computed in; input and output are float32, and so are the weights until `compute_in`.
    """

    precision: torch.dtype = torch.float32

    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        self.architecture = architecture
        self.unet = DiffusionModelUNet(
            spatial_dims=2,
            in_channels=1,
            out_channels=1,
            num_channels=architecture.channels,
            attention_levels=architecture.attention_levels,
            num_res_blocks=architecture.res_blocks,
            num_head_channels=architecture.head_channels,
            with_conditioning=True,
            cross_attention_dim=architecture.conditioning_dim,
            norm_num_groups=math.gcd(32, *architecture.channels),
            num_class_embeds=architecture.conditions if architecture.time_conditioning else None,
        )
        if architecture.time_conditioning:
            nn.init.zeros_(self.unet.class_embedding.weight)
        for module in self.unet.modules():
            if isinstance(module, BasicTransformerBlock):
                # Their weights are those of the library's
                module.attn1.__class__, module.attn2.__class__ = _FusedAttention, _ConditionAttention
        self.embedding = nn.Embedding(
            architecture.conditions, architecture.conditioning_dim, padding_idx=NULL_CONDITION
        )

    def forward(self, x: torch.Tensor, timestep: torch.Tensor, condition: torch.Tensor) -> torch.Tensor:
        """Predict noise.

        Args:
            x: noised slices (B, 1, H, W); H and W multiples of 2 ** (levels - 1).
            timestep: (B,), int64, 0..T-1.
            condition: (B,), int64, 0 for none or a class's number.
        """
        context = self.embedding(condition)[:, None]
        conditioned_on = condition if self.architecture.time_conditioning else None
        with torch.autocast(x.device.type, self.precision, enabled=self.precision != context.dtype):
            noise = self.unet(x.to(context.dtype), timestep, context=context, class_labels=conditioned_on)
        return noise.float()  # type: ignore[no-any-return]

    def compute_in(self, precision: torch.dtype) -> None:
        """Compute in this type, weights included, when there is nothing more to learn.

        Learning takes float32 weights and autocast, which hands on every norm in float32: twice the bytes.
        """
        self.precision = precision
        self.to(precision)

    def digest(self) -> str:
        """Return the SHA-256 of architecture and weights, as they are held now."""
        found = hashlib.sha256(repr(self.architecture).encode())
        for name, tensor in sorted(_contiguous(self.state_dict()).items()):
            found.update(name.encode())
            found.update(tensor.numpy().data)
        return found.hexdigest()


class _FusedAttention(CrossAttention):  # type: ignore[misc]
    """Attention by PyTorch's fused kernels, which take the heads as they lie in memory.

    The library's own holds every score in memory: twice the time at 48 pixels, more above.
    """

    def reshape_heads_to_batch_dim(self, x: torch.Tensor) -> torch.Tensor:
        return x.unflatten(-1, (self.num_heads, -1)).transpose(1, 2)

    def _attention(self, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor) -> torch.Tensor:
        return scaled_dot_product_attention(query, key, value, scale=self.scale)

    def reshape_batch_dim_to_heads(self, x: torch.Tensor) -> torch.Tensor:
        return x.transpose(1, 2).flatten(-2)


class _ConditionAttention(CrossAttention):  # type: ignore[misc]
    """Attention to the condition: a single token, whose weight is 1 whatever asks for it."""

    def forward(self, x: torch.Tensor, context: torch.Tensor) -> torch.Tensor:
        return self.to_out(self.to_v(context))  # type: ignore[no-any-return]


def guided(model: ConditionalUNet, condition: int, scale: float) -> Denoiser:
    """Return the chain of classifier-free guidance toward a class (Ho and Salimans, arXiv 2207.12598).

    The noise is e_null + scale (e_class - e_null), both halves in one batched call. Scale 0 is the unconditional chain
    and scale 1 the conditional one, and there the other half is not evaluated.

    Args:
        model: the network.
        condition: number of the class.
        scale: guidance scale w.
    """
    alone: dict[float, list[int]] = {0.0: [NULL_CONDITION], 1.0: [condition]}
    conditions = alone.get(scale, [NULL_CONDITION, condition])

    def denoise(x: torch.Tensor, timestep: int) -> torch.Tensor:
        rows = x.shape[0]
        given = torch.tensor(conditions, device=x.device).repeat_interleave(rows)
        when = torch.full_like(given, timestep)
        noise = model(x.repeat(len(conditions), 1, 1, 1), when, given)
        if len(conditions) == 1:
            return noise
        unconditional, conditional = noise.chunk(2)
        return unconditional + scale * (conditional - unconditional)

    return denoise


def save_model(folder: Path, model: ConditionalUNet, config: Mapping[str, Any]) -> None:
    """Write `diffusion.safetensors`, `embedding.safetensors`, and `config.json`, with architecture and digests.

    It is removed first and written last, so that a folder with one is whole; what the training scans are recognised by,
    where the folder holds that, belongs to the model.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").unlink(missing_ok=True)
    for name, part in (("diffusion", model.unet), ("embedding", model.embedding)):
        # Not `save_file`, whose files only their owner can read
        (folder / f"{name}.safetensors").write_bytes(save(_contiguous(part.state_dict())))
    described = {"architecture": asdict(model.architecture), **config, FILES: digests(folder)}
    (folder / "config.json").write_text(json.dumps(described, indent=2) + "\n")


def load_model(path: Path, embedding: Path | None = None, head_channels: int = 16) -> ConditionalUNet:
    """Load a model made by `train`, or a pair of state dicts of monai-generative's UNet and an `nn.Embedding`.

    Args:
        path: folder with safetensors and config.json; or, with `embedding`, the UNet's `.pt`.
        embedding: the embedding's `.pt`.
        head_channels: of a pair: the one size that the tensors' shapes do not tell.

    Raises:
        InputError: a file is missing, holds code, does not fit the UNet, or is of another training than the others.
    """
    if embedding is None:
        config = _existing(path / "config.json")
        files = [path / "diffusion.safetensors", path / "embedding.safetensors"]
        unet_state, embedding_state = ({**_load_safetensors(file)} for file in files)
        architecture = _described_architecture(config, unet_state, embedding_state, files[0])
    else:
        files = [path, embedding]
        unet_state, embedding_state = (_load_pickle(file) for file in files)
        architecture = read_architecture(unet_state, embedding_state, head_channels, path)
    try:
        model = ConditionalUNet(architecture)
    except (ValueError, RuntimeError, AssertionError, IndexError) as error:
        raise InputError(f"{files[0]}: its tensors make no network ({error}); give another model") from error
    for part, state, file in zip((model.unet, model.embedding), (unet_state, embedding_state), files, strict=True):
        try:
            part.load_state_dict(state)
        except RuntimeError as error:
            reason = " ".join(str(error).split())[:300]
            raise InputError(
                f"{file}: the tensors do not fit the network ({reason}); give the matching file"
            ) from error
    if embedding is None:
        check_files(path)
    return model.eval().requires_grad_(False)


def read_architecture(unet: State, embedding: State, head_channels: int, source: Path) -> Architecture:
    """Read the architecture off the shapes of a state dict of monai-generative's `DiffusionModelUNet`.

    Raises:
        InputError: `source`, which is named, holds no such state dict.
    """
    try:
        if embedding["weight"].ndim != 2:
            raise ValueError("the embedding is no table")
        levels = 1 + max(int(key.split(".")[1]) for key in unet if key.startswith("down_blocks."))
        blocks = [key for key in unet if key.startswith("down_blocks.0.resnets.") and key.endswith("conv1.conv.weight")]
        first = [unet[f"down_blocks.{level}.resnets.0.conv1.conv.weight"] for level in range(levels)]
        return Architecture(
            channels=tuple(weight.shape[0] for weight in first),
            attention_levels=tuple(
                any(key.startswith(f"down_blocks.{level}.attentions.") for key in unet) for level in range(levels)
            ),
            res_blocks=len(blocks),
            head_channels=head_channels,
            conditioning_dim=embedding["weight"].shape[1],
            conditions=embedding["weight"].shape[0],
            time_conditioning="class_embedding.weight" in unet,
        )
    except (KeyError, ValueError, IndexError) as error:
        raise InputError(
            f"{source}: no state dict of monai-generative's DiffusionModelUNet with its embedding ({error}); "
            "save both with torch.save(module.state_dict(), …)"
        ) from error


def _described_architecture(config: Path, unet: State, embedding: State, source: Path) -> Architecture:
    """Return the architecture of tensors that is also what `config`, a config.json, says of them.

    Reading it off the tensors first keeps a config.json from asking for a network of any size.

    Raises:
        InputError: the two do not agree.
    """
    try:
        described = json.loads(config.read_text(encoding="utf-8"))["architecture"]
        heads = described["head_channels"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise InputError(
            f"{config}: describes no architecture ({error!r}); give the file that training wrote"
        ) from error
    if not isinstance(heads, int) or heads < 1:
        raise InputError(f"{config}: head_channels {heads!r} is no number above 0; give the file that training wrote")
    read = read_architecture(unet, embedding, heads, source)
    for name, value in described.items():
        found = getattr(read, name, None)
        if found != (tuple(value) if isinstance(value, list) else value):
            raise InputError(
                f"{config}: {name} is {value!r}, but {found!r} in {source.name}; give files of one training"
            )
    return read


def _existing(file: Path) -> Path:
    if not file.is_file():
        raise InputError(f"{file}: missing; a model folder holds it beside its other files, as train wrote them")
    return file


def _load_safetensors(file: Path) -> State:
    try:
        return load_file(_existing(file))
    except SafetensorError as error:
        raise InputError(f"{file}: no whole safetensors file ({error}); copy it again") from error


def _load_pickle(file: Path) -> dict[str, torch.Tensor]:
    try:
        state = torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:  # on a damaged file the unpickler raises whatever its stack runs into
        raise InputError(
            f"{file}: refused, since it holds more than tensors or is damaged; "
            "save it again with torch.save(module.state_dict(), …)"
        ) from error
    if not isinstance(state, Mapping) or not all(isinstance(value, torch.Tensor) for value in state.values()):
        raise InputError(f"{file}: holds no state dict of tensors; save it with torch.save(module.state_dict(), …)")
    return {key.removeprefix("module."): value for key, value in state.items()}


def _contiguous(state: State) -> dict[str, torch.Tensor]:
    return {key: value.detach().cpu().contiguous() for key, value in state.items()}

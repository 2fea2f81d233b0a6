"""Names and shapes of the released tensors: Wan's transformer and InfiniteTalk's adapter, in any size."""

from dataclasses import dataclass

Shapes = dict[str, tuple[int, ...]]

_AUDIO_WINDOW = 5


@dataclass(frozen=True)
class TransformerSizes:
    """How wide and deep a transformer and its adapter are, in channels and layers."""

    dim: int
    ffn_dim: int
    num_layers: int
    freq_dim: int
    text_dim: int
    image_dim: int
    audio_layers: int
    audio_channels: int
    audio_intermediate: int
    audio_dim: int
    audio_tokens: int


def linear(name: str, rows: int, columns: int) -> Shapes:
    """Return the names and shapes of a linear layer."""
    return {f"{name}.weight": (rows, columns), f"{name}.bias": (rows,)}


def norm(name: str, size: int) -> Shapes:
    """Return the names and shapes of an affine norm."""
    return {f"{name}.weight": (size,), f"{name}.bias": (size,)}


def base_shapes(sizes: TransformerSizes) -> Shapes:
    """Return the names and shapes of the base transformer: 16 latent channels, twice, and 4 of the mask."""
    dim, image_dim = sizes.dim, sizes.image_dim
    shapes: Shapes = {"patch_embedding.weight": (dim, 36, 1, 2, 2), "patch_embedding.bias": (dim,)}
    shapes |= linear("text_embedding.0", dim, sizes.text_dim) | linear("text_embedding.2", dim, dim)
    shapes |= linear("time_embedding.0", dim, sizes.freq_dim) | linear("time_embedding.2", dim, dim)
    shapes |= linear("time_projection.1", 6 * dim, dim)
    shapes |= norm("img_emb.proj.0", image_dim) | linear("img_emb.proj.1", image_dim, image_dim)
    shapes |= linear("img_emb.proj.3", dim, image_dim) | norm("img_emb.proj.4", dim)
    for index in range(sizes.num_layers):
        shapes |= _block_shapes(f"blocks.{index}", dim, sizes.ffn_dim)
    return shapes | linear("head.head", 16 * 4, dim) | {"head.modulation": (1, 2, dim)}


def _block_shapes(name: str, dim: int, ffn_dim: int) -> Shapes:
    shapes: Shapes = {f"{name}.modulation": (1, 6, dim)}
    for layer in ("self_attn.q", "self_attn.k", "self_attn.v", "self_attn.o"):
        shapes |= linear(f"{name}.{layer}", dim, dim)
    for layer in ("q", "k", "v", "o", "k_img", "v_img"):
        shapes |= linear(f"{name}.cross_attn.{layer}", dim, dim)
    for layer in ("self_attn.norm_q", "self_attn.norm_k", "cross_attn.norm_q", "cross_attn.norm_k"):
        shapes[f"{name}.{layer}.weight"] = (dim,)
    shapes[f"{name}.cross_attn.norm_k_img.weight"] = (dim,)
    shapes |= norm(f"{name}.norm3", dim)
    return shapes | linear(f"{name}.ffn.0", ffn_dim, dim) | linear(f"{name}.ffn.2", dim, ffn_dim)


def adapter_shapes(sizes: TransformerSizes) -> Shapes:
    """Return the names and shapes of the adapter."""
    num_features = sizes.audio_layers * sizes.audio_channels
    inner, audio_dim, dim = sizes.audio_intermediate, sizes.audio_dim, sizes.dim
    shapes = linear("audio_proj.proj1", inner, _AUDIO_WINDOW * num_features)
    shapes |= linear("audio_proj.proj1_vf", inner, (_AUDIO_WINDOW + 3) * num_features)
    shapes |= linear("audio_proj.proj2", inner, inner)
    shapes |= linear("audio_proj.proj3", sizes.audio_tokens * audio_dim, inner)
    shapes |= norm("audio_proj.norm", audio_dim)
    for index in range(sizes.num_layers):
        attention = f"blocks.{index}.audio_cross_attn"
        shapes |= norm(f"blocks.{index}.norm_x", dim) | linear(f"{attention}.q_linear", dim, dim)
        shapes |= linear(f"{attention}.kv_linear", 2 * dim, audio_dim) | linear(f"{attention}.proj", dim, dim)
    return shapes

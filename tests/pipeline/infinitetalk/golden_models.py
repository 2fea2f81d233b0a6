"""The golden cases' tensors and models: every number follows from its name, as `tests/golden/README.md` has it."""

import os

from transformers import Wav2Vec2Config, Wav2Vec2Model

from pipeline.infinitetalk.key_names import rename_transformer_key
from pipeline.infinitetalk.transformer import InfiniteTalkTransformer3DModel
from tests.golden_rule import fill, weight
from tests.released_keys import TransformerSizes, adapter_shapes, base_shapes

SIZES = TransformerSizes(
    dim=128,
    ffn_dim=256,
    num_layers=2,
    freq_dim=64,
    text_dim=64,
    image_dim=1280,
    audio_layers=12,
    audio_channels=768,
    audio_intermediate=8,
    audio_dim=32,
    audio_tokens=4,
)


def make_transformer(time_projection_factor: float = 1.0) -> InfiniteTalkTransformer3DModel:
    """Build the golden transformer through the released key names; compiled if `GOLDEN_COMPILED` is set."""
    released = {name: weight(name, shape) for name, shape in (base_shapes(SIZES) | adapter_shapes(SIZES)).items()}
    released["time_projection.1.weight"] *= time_projection_factor
    model = InfiniteTalkTransformer3DModel(
        num_attention_heads=4,
        attention_head_dim=SIZES.dim // 4,
        text_dim=SIZES.text_dim,
        freq_dim=SIZES.freq_dim,
        ffn_dim=SIZES.ffn_dim,
        num_layers=SIZES.num_layers,
        image_dim=SIZES.image_dim,
        added_kv_proj_dim=SIZES.dim,
        audio_intermediate_dim=SIZES.audio_intermediate,
        audio_dim=SIZES.audio_dim,
        audio_tokens=SIZES.audio_tokens,
    )
    model.load_state_dict({rename_transformer_key(name): tensor for name, tensor in released.items()})
    if "GOLDEN_COMPILED" in os.environ:
        model.compile_blocks()
    return model.eval().requires_grad_(requires_grad=False)


def make_audio_encoder() -> Wav2Vec2Model:
    """Build the golden audio encoder."""
    config = Wav2Vec2Config(
        hidden_size=32,
        num_hidden_layers=3,
        num_attention_heads=4,
        intermediate_size=64,
        conv_dim=[16] * 7,
        num_conv_pos_embeddings=16,
        num_conv_pos_embedding_groups=4,
        do_stable_layer_norm=False,
        feat_extract_norm="group",
        conv_bias=False,
    )
    return fill(Wav2Vec2Model(config), "wav2vec2.")

"""Encode prompts."""

import html
import re

import ftfy
import torch
import torch.nn.functional as F
from transformers import PreTrainedTokenizerBase, UMT5EncoderModel

NUM_TEXT_TOKENS = 512


def clean_prompt(prompt: str) -> str:
    """Repair broken characters, resolve HTML entities and collapse white space, as the model was trained."""
    unescaped = html.unescape(html.unescape(ftfy.fix_text(prompt)))
    return re.sub(r"\s+", " ", unescaped).strip()


def encode_prompt(
    encoder: UMT5EncoderModel, tokenizer: PreTrainedTokenizerBase, prompt: str, device: torch.device
) -> torch.Tensor:
    """Encode a prompt.

    Returns:
        Embeddings (1, 512, channels): those of the real tokens, then zeros.
    """
    return pad_prompt(embed_prompt(encoder, tokenizer, prompt, device)[0])


@torch.no_grad()
def embed_prompt(
    encoder: UMT5EncoderModel, tokenizer: PreTrainedTokenizerBase, prompt: str, device: torch.device
) -> torch.Tensor:
    """Return the embeddings (1, tokens, channels) of a prompt's real tokens, 512 at most."""
    tokens = tokenizer(clean_prompt(prompt), truncation=True, max_length=NUM_TEXT_TOKENS, return_tensors="pt")
    embeds: torch.Tensor = encoder(
        tokens.input_ids.to(device), attention_mask=tokens.attention_mask.to(device)
    ).last_hidden_state
    return embeds


def pad_prompt(prompt_embeds: torch.Tensor) -> torch.Tensor:
    """Pad the embeddings (tokens, channels) of a prompt's real tokens with zeros to (1, 512, channels)."""
    # Zeros, not the encoder's output for padding: Wan attends to all 512 tokens without a mask.
    return F.pad(prompt_embeds, (0, 0, 0, NUM_TEXT_TOKENS - len(prompt_embeds)))[None]

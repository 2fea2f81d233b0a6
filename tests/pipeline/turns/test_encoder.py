"""The encoder answers as the original does."""

import numpy as np

from pipeline.turns.encoder import embed_pieces, measure_spectrum

# Of Resemblyzer 0.1.4 with librosa 0.11.0 and torch 2.13.0, `VoiceEncoder.forward` on the mel bands of `make_tone` from
# frame 50 to 210, scaled to 0.39 a frame: every eighth of the 256 numbers.
ORIGINAL = (
    0.0, 0.0, 0.0322, 0.0, 0.0167, 0.0, 0.1186, 0.0, 0.0797, 0.0886, 0.0, 0.0, 0.0359, 0.0, 0.0, 0.0376,
    0.0446, 0.2259, 0.0568, 0.0, 0.0, 0.1092, 0.0209, 0.0801, 0.0, 0.0, 0.0, 0.0, 0.1088, 0.0, 0.0646, 0.1276,
)  # fmt: skip


def make_tone() -> np.ndarray:
    """Return half a second of silence, then a buzz that goes up and down."""
    time = np.arange(0, 1.6, 1 / 16_000)
    phase = 2 * np.pi * np.cumsum(140 + 30 * np.sin(2 * np.pi * 3 * time)) / 16_000
    tone = sum(np.sin(overtone * phase) / overtone for overtone in range(1, 30))
    return np.concatenate([np.zeros(8_000), 0.02 * tone]).astype(np.float32)


def test_embeds_as_the_original_does() -> None:
    spectrum = measure_spectrum(make_tone())
    (short, whole) = embed_pieces(spectrum, np.array([50]), np.array([160]), (80, 160))
    assert np.abs(whole[0, ::8] - ORIGINAL).max() < 2e-3  # the weights have 16 bits
    assert np.abs(short[0, ::8] - ORIGINAL).max() > 0.02

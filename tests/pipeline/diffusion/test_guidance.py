"""Guidance: passes and their combination."""

import pytest
import torch
from diffusers.guiders.adaptive_projected_guidance import MomentumBuffer, normalized_guidance

from pipeline.diffusion.guidance import Guidance, GuidanceBranch, GuidanceScales


@pytest.mark.parametrize(
    ("scales", "num_branches"), [((5.0, 4.0), 3), ((1.0, 2.0), 2), ((1.0, 1.0), 1), ((5.0, 1.0), 3)]
)
def test_runs_no_branch_that_changes_nothing(scales: tuple[float, float], num_branches: int) -> None:
    assert len(GuidanceScales(*scales).branches) == num_branches


def test_three_passes_combine_as_the_original_does() -> None:
    cond, no_text, uncond = torch.randn(3, 1, 16, 2, 4, 4, generator=torch.Generator().manual_seed(0))
    noise_preds = {GuidanceBranch.COND: cond, GuidanceBranch.NO_TEXT: no_text, GuidanceBranch.UNCOND: uncond}
    expected = uncond + 5 * (cond - no_text) + 4 * (no_text - uncond)
    assert torch.allclose(Guidance(GuidanceScales(5.0, 4.0)).combine(noise_preds), expected, atol=1e-5)


def test_projection_agrees_with_diffusers_where_diffusers_can_express_it() -> None:
    generator = torch.Generator().manual_seed(0)
    guidance, momentum = Guidance(GuidanceScales(1.0, 2.0), projected=True), MomentumBuffer(-0.75)
    for _ in range(3):
        cond, no_audio = torch.randn(2, 1, 16, 2, 4, 4, generator=generator)
        ours = guidance.combine({GuidanceBranch.COND: cond, GuidanceBranch.NO_AUDIO: no_audio})
        expected = normalized_guidance(cond, no_audio, 1.0, momentum, 0.0, 55.0, use_original_formulation=True)
        assert torch.allclose(ours, expected, atol=1e-4)

"""Match a clip's colours to the photo's in CIE-Lab, so that they do not drift over a long video.

Source: Reinhard et al., "Color Transfer between Images"; the conversions are `skimage.color`'s (D65, 2 degrees).
"""

import torch

# skimage's own digits, so that colours agree with the original's.
RGB_TO_XYZ = ((0.412453, 0.357580, 0.180423), (0.212671, 0.715160, 0.072169), (0.019334, 0.119193, 0.950227))
WHITE = (0.95047, 1.0, 1.08883)
EPSILON = 1e-8


def match_colors(video: torch.Tensor, photo: torch.Tensor, strength: float) -> torch.Tensor:
    """Give every frame the photo's mean and spread in each Lab channel.

    Args:
        video: (batch, 3, frames, height, width) in [-1, 1].
        photo: (batch, 3, 1, height, width) in [-1, 1].
        strength: 0 leaves the video alone, 1 matches fully.

    Returns:
        The corrected video, in [-1, 1].
    """
    if strength == 0:
        return video
    reference = rgb_to_lab((photo + 1) / 2)
    deviation, mean = torch.std_mean(reference, dim=(3, 4), correction=0, keepdim=True)
    # Frame by frame: a clip at 720p has a gigabyte of floats, and the conversions need several of them.
    frames = [_match_frame((frame + 1) / 2, mean, deviation, strength) for frame in video.split(1, dim=2)]
    return torch.cat(frames, dim=2)


def _match_frame(frame: torch.Tensor, mean: torch.Tensor, deviation: torch.Tensor, strength: float) -> torch.Tensor:
    lab = rgb_to_lab(frame)
    frame_deviation, frame_mean = torch.std_mean(lab, dim=(3, 4), correction=0, keepdim=True)
    # A channel without spread, such as a plain grey, has nothing to stretch.
    scale = torch.where(frame_deviation > EPSILON, deviation / frame_deviation, 1.0)
    matched = lab_to_rgb((lab - frame_mean) * scale + mean)
    return torch.lerp(frame, matched, strength) * 2 - 1


def rgb_to_lab(rgb: torch.Tensor) -> torch.Tensor:
    """Convert sRGB in [0, 1], channels in dim 1, to Lab."""
    linear = torch.where(rgb > 0.04045, ((rgb + 0.055) / 1.055) ** 2.4, rgb / 12.92)
    xyz = _mix(linear, rgb.new_tensor(RGB_TO_XYZ)) / _channels(WHITE, rgb)
    x, y, z = torch.where(xyz > 0.008856, xyz.clamp(min=0) ** (1 / 3), 7.787 * xyz + 16 / 116).unbind(1)
    return torch.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], dim=1)


def lab_to_rgb(lab: torch.Tensor) -> torch.Tensor:
    """Convert Lab, channels in dim 1, to sRGB clipped to [0, 1]."""
    lightness, a, b = lab.unbind(1)
    y = (lightness + 16) / 116
    xyz = torch.stack([y + a / 500, y, (y - b / 200).clamp(min=0)], dim=1)
    xyz = torch.where(xyz > 0.2068966, xyz**3, (xyz - 16 / 116) / 7.787) * _channels(WHITE, lab)
    to_rgb = torch.linalg.inv(torch.tensor(RGB_TO_XYZ, dtype=torch.float64))
    linear = _mix(xyz, to_rgb.to(lab))
    rgb = torch.where(linear > 0.0031308, 1.055 * linear.clamp(min=0) ** (1 / 2.4) - 0.055, linear * 12.92)
    return rgb.clamp(0, 1)


def _mix(channels: torch.Tensor, matrix: torch.Tensor) -> torch.Tensor:
    return torch.einsum("oc,bc...->bo...", matrix, channels)


def _channels(values: tuple[float, ...], like: torch.Tensor) -> torch.Tensor:
    return like.new_tensor(values).view(3, *[1] * (like.ndim - 2))

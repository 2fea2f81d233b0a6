"""The InfiniteTalk engine: a photo speaks with its whole face and head, by diffusion.

Source: Yang et al., "InfiniteTalk: Audio-driven Video Generation for Sparse-Frame Video Dubbing" (2508.14033).
"""

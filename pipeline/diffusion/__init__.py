"""What diffusion engines share: guidance, caching, attention, encoders, latents and clips."""

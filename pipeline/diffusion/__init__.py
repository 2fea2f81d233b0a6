"""What diffusion engines share: guidance, caching, encoders, latents, clips, and weights from files to the device."""

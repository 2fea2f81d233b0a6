"""Makes `assets/models/resemblyzer.safetensors` of the file that the package Resemblyzer 0.1.4 brings. Needs torch.

pip download --no-deps Resemblyzer==0.1.4 && unzip Resemblyzer-0.1.4-py3-none-any.whl resemblyzer/pretrained.pt
python -m tests.pipeline.turns.convert resemblyzer/pretrained.pt
"""

import argparse
from pathlib import Path

import numpy as np
import torch
from safetensors.numpy import save_file

from pipeline.turns.encoder import NET

_NUM_LAYERS = 3


def main() -> None:
    """Convert the file that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkpoint", type=Path)
    checkpoint = torch.load(parser.parse_args().checkpoint, map_location="cpu", weights_only=True)
    state = {name: tensor.numpy() for name, tensor in checkpoint["model_state"].items()}
    tensors = {"projection.weight": state["linear.weight"].T, "projection.bias": state["linear.bias"]}
    for layer in range(_NUM_LAYERS):
        weights = [state[f"lstm.weight_{kind}_l{layer}"].T for kind in ("ih", "hh")]
        tensors[f"layer{layer}.weight"] = np.concatenate(weights)
        tensors[f"layer{layer}.bias"] = state[f"lstm.bias_ih_l{layer}"] + state[f"lstm.bias_hh_l{layer}"]
    halves = {name: np.ascontiguousarray(tensor, np.float16) for name, tensor in tensors.items()}
    save_file(halves, NET, metadata={"source": "Resemblyzer 0.1.4", "license": "Apache-2.0"})


if __name__ == "__main__":
    main()

"""How large a model is, read off the shapes of its tensors."""

from pathlib import Path

from pipeline.errors import WeightsError
from pipeline.weights.tensor_files import Shapes


class Sizes:
    """The shapes in one or more files, asked by name.

    Args:
        shapes: Of all tensors.
        path: The file to name when one is missing.
    """

    def __init__(self, shapes: Shapes, path: Path) -> None:
        self._shapes = shapes
        self._path = path

    def of(self, name: str) -> tuple[int, ...]:
        """Return the tensor's shape.

        Raises:
            WeightsError: There is no such tensor.
        """
        if name not in self._shapes:
            raise WeightsError(
                f"Expected {name} in {self._path}, but it is not there. Check that it is the right file."
            )
        return self._shapes[name]

    def count(self, prefix: str) -> int:
        """Return how many numbers follow `prefix` in the names."""
        return len({name[len(prefix) :].split(".")[0] for name in self._shapes if name.startswith(prefix)})

"""What a GPU's seconds cost."""

import pytest

from app.remote.limits import find_cost


@pytest.mark.parametrize(
    ("name", "dollars"),
    [("NVIDIA A100-SXM4-80GB", 0.0694), ("NVIDIA A100 80GB PCIe", 0.0694), ("NVIDIA H100 80GB HBM3", 0.1097)],
)
def test_prices_a_hundred_seconds(name: str, dollars: float) -> None:
    assert find_cost(name, 100.0).dollars == pytest.approx(dollars)


def test_prices_each_of_several() -> None:
    cost = find_cost("NVIDIA H100 80GB HBM3", 100.0, num_gpus=4)
    assert cost.dollars == pytest.approx(0.4388)
    assert cost.gpu == "4 x NVIDIA H100 80GB HBM3"


def test_names_no_price_where_it_knows_none() -> None:
    assert find_cost("NVIDIA T4", 100.0).dollars is None

"""Memory of preparing and loading. A larger model is measured with `python -m tests.benchmarks.loading_memory 2`."""

from tests.benchmarks.loading_memory import measure


def test_loading_holds_the_model_and_preparing_only_a_few_shards() -> None:
    measured = measure(0.8)
    prepare, load = measured["prepare"], measured["load"]
    assert prepare["peak"] < 4 * prepare["shard"] < prepare["model"]
    assert load["peak"] < load["model"] + load["shard"]

"""The lists of faults fit the code as it is."""

import pytest

from tests.faults import ROOT, Fault, FaultError, find_missing_tests, load_faults


@pytest.mark.parametrize("fault", load_faults(), ids=lambda fault: fault.name)
def test_fault_can_still_be_put_into_its_file(fault: Fault) -> None:
    fault.apply((ROOT / fault.file).read_text())
    assert fault.tests
    assert not list(find_missing_tests(fault))


@pytest.mark.parametrize(("text", "replace"), [("b", "c"), ("aa", "c"), ("a", "a"), ("a", "(")])
def test_refuses_a_fault_that_is_none(text: str, replace: str) -> None:
    fault = Fault("list-1", "app/main.py", "a", replace, ("tests/faults/test_lists.py",), "")
    with pytest.raises(FaultError):
        fault.apply(text)


def test_finds_tests_that_are_gone() -> None:
    tests = ("tests/gone.py", "tests/faults/test_lists.py::test_gone[1]", "tests/faults/test_lists.py", "-k", "any")
    fault = Fault("list-1", "app/main.py", "a", "b", tests, "")
    assert list(find_missing_tests(fault)) == list(tests[:2])

"""The table of claims: what is kept of a run, one row of many cases, a page that is complete."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import validation
from claims import FOLDER, claim, of_largest, off, share


def test_a_claim_is_kept_and_its_worst_case_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(FOLDER, str(tmp_path))
    for found, bound in ((1e-3, 1e-2), (4e-3, 1e-2), (5e-3, 1.0)):
        claim("Rings", "a tune", "xtrack", found, bound)
    ((key, row),) = validation.rows_of(tmp_path).items()
    assert key == ("Rings", "a tune", "xtrack")
    assert (row["found"], row["bound"], row["cases"]) == (4e-3, 1e-2, 3)
    assert row["test"].startswith("tests/test_validation_page.py::test_a_claim")
    page = validation.page({key: row}, {"no Julia": 2}, 60.0)
    assert "| a tune | xtrack | 4.0e-03 | 0.01 | 3 | 1 |" in page
    assert ", xtrack 0." in page
    assert "\n1. `tests/test_validation_page.py::test_a_claim_is_kept" in page
    assert "| 2 | no Julia |" in page
    assert page.count("Not measured in this run") == len(validation.AREAS) - 1


@pytest.mark.parametrize("found", [1.0, 2.0, float("nan"), float("inf")])
def test_what_does_not_hold_fails_and_is_not_kept(
    found: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(FOLDER, str(tmp_path))
    with pytest.raises(AssertionError, match="a tune"):
        claim("Rings", "a tune", "xtrack", found, 1.0)
    assert not list(tmp_path.iterdir())


def test_differences() -> None:
    found, expected = [1.0, 2.2], [1.1, 2.0]
    assert off(found, expected) == pytest.approx(0.2)
    assert share(found, expected) == pytest.approx(0.1)
    assert of_largest(found, expected) == pytest.approx(0.1)


def test_tests_with_claims_are_found_through_what_they_call() -> None:
    tests = validation.tests_with_claims()
    assert "tests/rings/test_real_rings.py::test_optics_beside_at" in tests
    assert "tests/rings/test_real_rings.py::test_a_ring_closes_on_itself" not in tests


def test_the_page_has_a_row_of_every_area_but_julia() -> None:
    page = validation.PAGE.read_text(encoding="utf-8")
    sections = dict(s.partition("\n")[::2] for s in page.split("\n## ")[1:])
    assert list(sections)[: len(validation.AREAS)] == list(validation.AREAS)
    for area in validation.AREAS[:-1]:
        assert "\n1. `tests/" in sections[area], area
    named = set(re.findall(r"^\d+\. `(.*)`$", page, re.MULTILINE))
    assert named
    assert named <= set(validation.tests_with_claims())

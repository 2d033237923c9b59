"""Every public name is on a page of the reference."""

from pathlib import Path

import pytest

import pymargins

PAGES = Path(__file__).parent.parent / "docs" / "reference"
NAMES = [name for name in pymargins.__all__ if not name.startswith("_")]


@pytest.fixture(scope="module")
def reference():
    return [line for page in PAGES.glob("*.md") for line in page.read_text("utf-8").splitlines()]


@pytest.mark.parametrize("name", NAMES)
def test_a_public_name_is_in_the_reference(reference, name):
    entries = [line for line in reference if line.startswith(".. auto")]
    assert any(line.removesuffix("()").endswith(f":: pymargins.{name}") for line in entries)

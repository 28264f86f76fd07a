"""The four guests of docs/extending.md, as a reader would run them one after another."""

from pages import blocks, run


def test_the_guests_of_the_page() -> None:
    guests = blocks("docs/extending.md")
    assert len(guests) == 4
    run("\n".join(guests))

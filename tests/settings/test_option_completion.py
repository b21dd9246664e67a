"""Completion of an option line at the cursor."""

import pytest

from wcode_magics.settings.option_completion import complete, complete_names
from wcode_magics.settings.options import CELL


def texts(line: str, **variables) -> list[str]:
    """What completion offers."""
    return [found.text for found in complete(line, variables)]


@pytest.mark.parametrize("row", CELL, ids=lambda row: row.name)
def test_every_option_is_completed(row):
    """From its first letters, in each spelling that was begun."""
    assert row.flag in texts("--")
    assert row.flag in texts("")
    for flag in row.flags:
        assert flag in texts(flag[:-1] if flag.startswith("--") else flag)


@pytest.mark.parametrize(
    "row", [r for r in CELL if r.choices], ids=lambda row: row.name
)
def test_every_choice_is_completed(row):
    """Behind the flag, with an equals sign, or a space where it needs a value."""
    for choice in row.choices:
        for flag in row.flags:
            assert choice in texts(f"{flag}={choice[:2]}")
            for line in (f"-l {flag} {choice[:2]}", f"{flag} "):
                assert (choice in texts(line)) == row.needs_value


def test_variables_are_completed():
    """``$`` offers the person's names, not the hidden ones."""
    names = {"review": 1, "reviews": 2, "_hidden": 3, "评论": 4}
    assert texts("--tools $re", **names) == ["$review", "$reviews"]
    assert texts("--system=$", **names) == ["$review", "$reviews", "$评论"]
    assert texts("--tool-choice $rev", **names) == ["$review", "$reviews"]
    assert texts("--tools ", **names) == ["$review", "$reviews", "$评论"]


def test_a_completion_replaces_the_word_it_completes():
    """The place tells where the replaced text begins."""
    (found,) = complete("-t 0 --verbosity=me", {})
    assert (found.text, found.start, found.kind) == ("medium", 17, "choice")
    (found,) = complete("-t 0 --verbos", {})
    assert (found.text, found.start, found.kind) == ("--verbosity", 5, "flag")
    assert found.meta == "low · medium · high · default medium"


def test_prompts_and_numbers_are_left_alone():
    """Nothing is offered where anything may stand."""
    assert texts("tell me a st") == []
    assert texts("-t 0.") == []


def test_names_are_completed_for_the_commands():
    """``%wcode_config`` and ``%wcode_params`` complete the last word."""
    found = list(complete_names("seed=1 temp", ("temperature=", "top_p=")))
    assert [(one.text, one.start) for one in found] == [("temperature=", 7)]

"""The manual: every option stands in it, in both languages."""

import pytest

from tests import readme_tables
from wcode_magics import text
from wcode_magics.protocol.parameters import PARAMS
from wcode_magics.settings import manual
from wcode_magics.settings.options import CELL, SETTINGS
from wcode_magics.settings.settings import Settings
from wcode_magics.text import LANGUAGES, say

SAMPLES = {
    "allow_http": "True",
    "base_url": "http://127.0.0.1:9/v1",
    "headers": '{"X-Team": "***"}',
    "price": "0.6/1.5",
}
"""Values of settings that are neither a choice nor a number."""


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_help_page_names_every_option(lang):
    """Flag, short form, range and meaning of each, within the width of a page."""
    text.use(lang)
    page = manual.page()
    flat = "".join(page.split())
    for row in CELL:
        assert row.flag[2:] in page
        assert not row.short or f"-{row.short}, " in page
        assert "".join(row.help.split()) in flat
        assert not row.takes_value or row.allowed in page
    for param in PARAMS:
        assert say(f"groups.{param.group}") in page


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_tables_of_the_readme_hold_every_row(lang):
    """Parameters in one table, the other options in another; the cells line up."""
    parameters = readme_tables.params(lang).splitlines()
    others = readme_tables.options(lang).splitlines()
    assert len(parameters) == 2 + len(PARAMS)
    assert len(others) == 2 + sum(row.param is None for row in CELL)
    for table in (parameters, others):
        columns = {line.replace("\\|", "").count("|") for line in table}
        assert len(columns) == 1
    for row in PARAMS:
        assert any(f"--{row.name.replace('_', '-')}`" in line for line in parameters)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_table_of_settings_holds_those_that_are_no_flags(lang):
    """Name, default, meaning and the variable that really sets it."""
    table = readme_tables.settings(lang).splitlines()[2:]
    rows = [row for row in SETTINGS if row.stage == "session"]
    assert len(table) == len(rows)
    for row, line in zip(rows, table, strict=True):
        name, allowed, default, variable, meaning = line.strip("| ").split(" | ")
        value = row.words[0] if row.words else SAMPLES.get(row.name, "5")
        held = Settings(environ={variable.strip("`"): value}).resolve({})
        assert name == f"`{row.name}`"
        assert allowed == f"`{row.allowed}`"
        assert str(held[row.name]).replace("'", '"') == value
        assert (default == "–") is (row.default is None)
        assert meaning == say(f"options.{row.name}", lang)

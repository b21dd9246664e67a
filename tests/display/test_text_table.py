"""Tables: columns line up, and nothing in a cell is HTML."""

from wcode_magics.display.text_table import TextTable, pad, shown_value, width

HOSTILE = "<script>alert('x')</script>"


def test_columns_line_up_with_wide_characters():
    """Chinese counts two columns in a terminal."""
    made = TextTable(("名称", "n"), (("温度", "1"), ("top_p", "22")))
    lines = made.plain().splitlines()
    assert lines == ["名称   n", "温度   1", "top_p  22"]
    assert {width(line[: line.rindex(" ") + 1]) for line in lines} == {7}


def test_title_and_note_stand_around_the_rows():
    """In both forms."""
    table = TextTable(("a",), (("1",),), title="Above", note="Below")
    assert table.plain() == "Above\na\n1\nBelow"
    shown = table.bundle()["text/html"]
    assert shown.index("Above") < shown.index("<table") < shown.index("Below")


def test_everything_in_the_html_is_escaped():
    """Cells, headings, title and note."""
    table = TextTable((HOSTILE,), ((HOSTILE,),), title=HOSTILE, note=HOSTILE)
    bundle = table.bundle()
    assert "<script" not in bundle["text/html"]
    assert bundle["text/html"].count("&lt;script&gt;") == 4
    assert HOSTILE in bundle["text/plain"]


def test_a_table_may_be_empty():
    """No rows is a head; no columns is nothing."""
    assert TextTable(("a", "b"), ()).plain() == "a  b"
    assert TextTable((), ()).plain() == ""


def test_padding_never_cuts():
    """A text wider than its column stays whole."""
    assert pad("温度", 6) == "温度  "
    assert pad("long", 2) == "long"
    assert width("a\x00b") >= 0


def test_values_on_one_line():
    """What is not known is a dash; numbers have no point or exponent without need."""
    shown = [shown_value(one) for one in (None, 0.0, 1e-05, True, "a\nb", [0.5])]
    assert shown == ["–", "0", "0.00001", "true", "a b", "[0.5]"]

"""Opening a panel, from a shell without a front end."""

from tests.terminal import Runner


def test_the_panel_is_a_view_with_a_plain_twin(run: Runner) -> None:
    """The command shows a widget, and words for those who cannot show it."""
    ran = run("%wcode_panel -t 0 hello")
    assert ran.success
    first = ran.outputs[0].data
    assert set(first) == {"application/vnd.jupyter.widget-view+json", "text/plain"}
    assert "run this cell" in first["text/plain"]


def test_the_function_opens_it_too(run: Runner) -> None:
    """``wcode_magics.panel`` takes options by name and checks them."""
    assert run("import wcode_magics; wcode_magics.panel('hi', top_p=0.5)").success
    ran = run("wcode_magics.panel(top_p=5)")
    assert "0 … 1" in ran.stdout


def test_a_cell_opens_it_with_its_values(run: Runner) -> None:
    """``--panel`` sends nothing; the panel begins with the line and the prompt."""
    ran = run("%%wcode -t 0.5 --panel\nhello")
    assert ran.success
    assert "run this cell" in ran.plain
    assert run("_wcode").error is not None


def test_the_prompt_may_be_a_question(run: Runner) -> None:
    """A prompt on the line that ends in a question mark is no cry for help."""
    assert "run this cell" in run("%wcode_panel -t 0 who are you?").plain

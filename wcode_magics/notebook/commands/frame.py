"""``--frame``: the cell's prompt for each row of a DataFrame."""

from collections.abc import Mapping
from typing import Any

from wcode_magics.errors import OptionError, Stopped, WcodeError
from wcode_magics.notebook.shell_state import ShellState, show_advice
from wcode_magics.settings import options


def ask_rows(home: ShellState, template: str, values: Mapping[str, Any]) -> Any:
    """Send the prompt for each row; show and bind the new frame.

    The frame is bound to ``_wcode`` and to the name of ``--out``. Running the same cell
    again replaces the column that it created.

    Raises:
        OptionError: ``--frame`` is no DataFrame, or conflicts with another option.
        WcodeError: an error ended all remaining rows; the partial frame is bound and
            shown.
        Stopped: the user stopped the cell; the partial frame is bound and shown.
    """
    frame = values["frame"]
    if not hasattr(frame, "wcode"):
        raise OptionError("not_a_frame", given=type(frame).__name__)
    for name in sorted(options.staged("conversation", "run", "cell") - {"out"}):
        if values.get(name):
            flag = f"--{name.replace('_', '-')}"
            raise OptionError("not_together", one="--frame", other=flag)
    own = options.of_request(values)
    del own["frame"]
    into = own.pop("into", None) or "answer"
    from wcode_magics.tables.call_records import calls_of

    columns = set(getattr(frame, "columns", ()))
    show_advice(home.unfilled(template, {*home.variables} - columns))
    again = calls_of(frame).get(into, {}).get("template") == template
    own |= {"into": into, "names": home.variables, "overwrite": again}
    try:
        made = frame.wcode.ask(template, **own)
    except (Stopped, WcodeError) as error:
        if error.value is not None:
            _show(home, error.value, values)
        raise
    _show(home, made, values)
    return made


def _show(home: ShellState, made: Any, values: Mapping[str, Any]) -> None:
    home.bind(made, values.get("out"))
    from IPython.display import display

    display(made)

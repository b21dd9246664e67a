"""First row of a DataFrame, whose values show how a template reads."""

from collections.abc import Mapping
from typing import Any

from wcode_magics.prompts import template


class FirstRow:
    """First row of a DataFrame, whose values stand in for columns in a template."""

    def __init__(self, name: str, frame: Any) -> None:
        self.name = name
        self._frame = frame.head(1)

    @property
    def names(self) -> dict[str, Any]:
        """Values of the columns by name, and ``row`` with all of them."""
        from wcode_magics.prompts.plain_values import values_of

        columns = self._frame.items()
        row = {name: values_of(column)[0] for name, column in columns}
        return {"row": row} | {k: v for k, v in row.items() if isinstance(k, str)}

    def filled(self, prompt: str, names: Mapping[str, Any]) -> str:
        """Return the template with the row's values; raises UsageError."""
        return template.render(prompt, {**names, **self.names})

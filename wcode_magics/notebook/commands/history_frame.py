"""DataFrame of stored answers, displayed under headings in the user's language."""

import pandas as pd

from wcode_magics.notebook.commands.history import table
from wcode_magics.output.mimebundle import Bundle


class HistoryFrame(pd.DataFrame):
    """Answers as texts to read; what pandas derives from it is a plain DataFrame."""

    @property
    def _constructor(self) -> type[pd.DataFrame]:
        return pd.DataFrame

    def __repr__(self) -> str:
        return str(self._bundle()["text/plain"])

    def _repr_html_(self) -> str:
        return str(self._bundle()["text/html"])

    def _bundle(self) -> Bundle:
        return table(self.columns, self.to_numpy().tolist()).bundle()

"""Playground in the notebook: prompt, all parameters, and one page per task.

The panel is a widget; its results are ordinary outputs below it, so that a saved
notebook shows the last result and no dead widget.
"""

from collections.abc import Callable
from typing import Any

import ipywidgets as widgets

from wcode_magics import text
from wcode_magics.output.escaping import escape
from wcode_magics.output.mimebundle import widget_bundle
from wcode_magics.session.session import Session
from wcode_magics.text import say
from wcode_magics.widgets.ask import AskPage
from wcode_magics.widgets.closing import release
from wcode_magics.widgets.code import CodePage
from wcode_magics.widgets.compare import ComparePage
from wcode_magics.widgets.draft import Draft
from wcode_magics.widgets.fields import Fields
from wcode_magics.widgets.knobs import Knobs
from wcode_magics.widgets.label import name_pages, tip
from wcode_magics.widgets.presets import Presets
from wcode_magics.widgets.state import PanelState
from wcode_magics.widgets.style import CSS
from wcode_magics.widgets.table import TablePage

PAGES = (AskPage, ComparePage, TablePage, CodePage)
LANGUAGES = (("English", "en"), ("中文", "zh"))


class Panel:
    """Panel for a session.

    Args:
        session: session that sends the requests.
        shell: IPython shell whose variables fill templates; None: no templates.
        draft: initial draft.
    """

    def __init__(
        self, session: Session, shell: Any = None, draft: Draft | None = None
    ) -> None:
        self.desk = PanelState(session, shell, draft or Draft())
        self.widget = widgets.VBox()
        self.widget.add_class("wcode-panel")
        self.pages: list[Any] = []
        self.closed: Callable[[], None] = lambda: None
        self._build()

    def open(self) -> None:
        """Display the panel and, below it, the output for its results."""
        from IPython.display import display

        shown = widget_bundle(self.widget.model_id, say("panel.plain"))
        display(shown, raw=True)
        self.desk.picture.open()
        self.desk.barrier.begin()

    def close(self) -> None:
        """Cancel what is running and remove the panel; the last result stays."""
        self._clear()
        self.desk.barrier.close()
        release(self.widget)
        self.closed()

    def _build(self) -> None:
        desk = self.desk
        fields = Fields(desk)
        knobs = desk.knobs = Knobs(desk.put)
        knobs.show(desk.draft.values)
        desk.show_with(lambda: knobs.show(desk.draft.values))
        self.pages = [page(desk) for page in PAGES]
        for page in self.pages:
            desk.listen(page.refresh)
        book = widgets.Tab([page.widget for page in self.pages])
        name_pages(book, [say(f"panel.{page.name}") for page in self.pages])
        left = widgets.VBox([fields.widget, desk.status, book])
        right = widgets.VBox([Presets(desk).widget, knobs.widget])
        left.add_class("wcode-left")
        right.add_class("wcode-right")
        columns = widgets.Box([left, right])
        columns.add_class("wcode-columns")
        self.widget.children = (widgets.HTML(CSS), self._head(), columns)
        for page in self.pages:
            page.refresh()

    def _head(self) -> Any:
        small = widgets.Layout(width="auto")
        language = widgets.Dropdown(
            options=LANGUAGES,
            value=text.language(),
            **tip(widgets.Dropdown, say("options.language")),
            layout=widgets.Layout(width="7em"),
        )
        close = widgets.Button(icon="times", tooltip=say("panel.close"), layout=small)
        language.observe(self.desk.guarded(self._speak), "value")
        close.on_click(self.desk.guarded(lambda _button: self.close()))
        head = widgets.HBox([widgets.HTML(self._title()), language, close])
        head.add_class("wcode-head")
        return head

    def _title(self) -> str:
        """Return the title with the destination of requests: the sandbox or a URL."""
        settings = self.desk.session.settings
        endpoint = settings.endpoint(settings.resolve({}))
        place = say("ui.sandbox") if endpoint is None else endpoint.base_url
        return f'<b>wcode</b> <span class="wcode-faint">{escape(place)}</span>'

    def _speak(self, change: Any) -> None:
        """Rebuild the panel in another language, with the same draft."""
        self.desk.session.settings.set("language", change["new"])
        self._clear()
        self.desk.status = widgets.HTML()
        self._build()

    def _clear(self) -> None:
        self.desk.deaf()
        for page in self.pages:
            page.close()
        children, self.widget.children = self.widget.children, ()
        release(*children)

"""Playground in the notebook: prompt, answer, all parameters, and one page per task.

The panel is a widget; a plain copy of its last result is an ordinary output below it,
hidden while the panel lives, so that a saved notebook shows the result and no dead
widget. Pages and groups of parameters are built when they are first opened.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import ipywidgets as widgets

from wcode_magics import text
from wcode_magics.display import markdown
from wcode_magics.display.probe_table import verdict
from wcode_magics.output.escaping import escape
from wcode_magics.output.mimebundle import widget_bundle
from wcode_magics.protocol.parameters import NAMES
from wcode_magics.runtime import imports
from wcode_magics.session.session import Session
from wcode_magics.text import say
from wcode_magics.widgets.ask import AskPage
from wcode_magics.widgets.buttons import button
from wcode_magics.widgets.code import CodePage
from wcode_magics.widgets.compare import ComparePage
from wcode_magics.widgets.draft import Draft
from wcode_magics.widgets.fields import Fields
from wcode_magics.widgets.front_end import front_end
from wcode_magics.widgets.images import Images
from wcode_magics.widgets.knobs import Knobs
from wcode_magics.widgets.label import made, mark, release
from wcode_magics.widgets.presets import Presets
from wcode_magics.widgets.state import PanelState
from wcode_magics.widgets.static_copy import HIDE_COPY
from wcode_magics.widgets.table import TablePage
from wcode_magics.widgets.worker import in_context

PAGES = (AskPage, ComparePage, TablePage, CodePage)
STYLE = Path(__file__).with_name("panel.css")
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
        self.state = PanelState(session, shell, draft or Draft())
        self.widget = made(widgets.VBox, classes="wcode-panel")
        self.closed: Callable[[], None] = lambda: None
        self._build()

    @property
    def pages(self) -> list[Any]:
        """The pages that have been opened."""
        return [*self._pages.values()]

    def open(self) -> None:
        """Display the panel and, below it, the output for its results.

        What the first answer needs is loaded while its prompt is still being written.
        """
        from IPython.display import display

        shown = widget_bundle(self.widget.model_id, say("panel.plain"))
        display(shown, raw=True)
        self.state.picture.open()
        self.state.barrier.begin()
        imports.begin(imports.NETWORK)
        in_context(markdown.growing, "*").start()

    def close(self) -> None:
        """Cancel what is running and remove the panel; the last result stays."""
        self._clear()
        self.state.barrier.close()
        release(self.widget)
        self.closed()

    def _build(self) -> None:
        state = self.state
        state.front_end = front_end()
        self._fields = Fields(state)
        self._images = Images(state)
        prompt_parts = [self._fields.prompt, self._images.widget]
        self._prompt = made(widgets.VBox, prompt_parts, classes="wcode-asked")
        self._fold = made(
            widgets.ToggleButton,
            value=True,
            icon="sliders",
            tooltip=say("panel.parameters_tip"),
            classes="wcode-switch",
        )
        self._count(0)
        knobs = state.knobs = Knobs(state.put, state.draft.values, self._count)
        presets = Presets(state)
        state.listen(presets.refresh)
        state.show_with(lambda: knobs.show(state.draft.values))
        state.listen(self._fade)
        self._fade()
        self._ask = AskPage(state)
        self._ask.arranged = self._arrange
        self._pages: dict[str, Any] = {AskPage.name: self._ask}
        state.listen(self._ask.refresh)
        self._menu = made(
            widgets.ToggleButtons,
            options=[(say(f"panel.{page.name}"), page.name) for page in PAGES],
            value=AskPage.name,
            classes="wcode-pages",
        )
        self._left = made(widgets.VBox, classes="wcode-left")
        right = [self._fields.model, presets.widget, knobs.widget]
        self._right = made(widgets.VBox, right, classes="wcode-right")
        columns = [self._left, self._right]
        self.widget.children = (
            made(widgets.HTML, f"<style>{STYLE.read_text('utf-8')}{HIDE_COPY}</style>"),
            self._head(),
            made(widgets.Box, columns, classes="wcode-columns"),
        )
        self._menu.observe(state.guarded(self._show_page), "value")
        self._fold.observe(self._toggle_parameters, "value")
        self._arrange()
        self._ask.refresh()
        if state.draft.unused:
            flags = ", ".join(state.draft.unused)
            state.status.say(say("panel.unused", options=flags))
        if any(state.draft.values.get(name) for name in ("sweep", "models", "repeat")):
            self._menu.value = ComparePage.name

    def _head(self) -> Any:
        language = made(
            widgets.Dropdown,
            options=LANGUAGES,
            value=text.language(),
            tooltip=say("options.language"),
            description=say("panel.interface"),
            classes="wcode-unseen wcode-language",
        )
        look: Any = {"words": False, "icon": "times", "classes": "wcode-x"}
        close = button(self.state, "close", self.close, **look)
        language.observe(self.state.guarded(self._switch_language), "value")
        title = made(widgets.HTML, self._title())
        last = made(widgets.HBox, [self._fold, language, close], classes="wcode-tools")
        parts = [title, self._menu, last]
        if self.state.front_end is not None:
            parts.append(self.state.front_end)
        return made(widgets.HBox, parts, classes="wcode-head")

    def _title(self) -> str:
        """Return the title with the destination of requests: the sandbox or a URL."""
        settings = self.state.session.settings
        endpoint = settings.endpoint(settings.resolve({}))
        place = say("ui.sandbox") if endpoint is None else endpoint.base_url
        return f'<b>wcode</b> <span class="wcode-faint">{escape(place)}</span>'

    def _fade(self) -> None:
        """Grey the parameters that a probe of the endpoint found without effect."""
        state = self.state
        probe = state.session.probed(model=state.draft.values.get("model"))
        found = [] if probe is None else probe.unmet(dict.fromkeys(NAMES))
        if state.knobs is not None:
            state.knobs.fade(
                {one.name: f"{verdict(one)}: {one.evidence}" for one in found}
            )

    def _count(self, changed: int) -> None:
        key = "panel.changed" if changed else "panel.unchanged"
        count = say(key, count=changed)
        self._fold.description = f"{say('panel.parameters')} · {count}"

    def _toggle_parameters(self, change: Any) -> None:
        mark(self._right, "wcode-off", on=not change["new"])

    def _arrange(self) -> None:
        """Put the page's parts around the prompt; the other pages stand below."""
        parts = self._ask.parts(self._prompt)
        others = [page.widget for page in self.pages if page is not self._ask]
        self._left.children = (self._fields.system, *parts, *others)

    def _show_page(self, change: Any) -> None:
        """Show a page, which is built when it is first shown."""
        name = change["new"]
        if name not in self._pages:
            page = next(page for page in PAGES if page.name == name)(self.state)
            self._pages[name] = page
            self.state.listen(page.refresh)
            self._arrange()
        parts = [
            one for one in self._ask.parts(self._prompt) if one is not self._prompt
        ]
        for key, page in self._pages.items():
            for one in parts if page is self._ask else [page.widget]:
                mark(one, "wcode-off", on=key != name)
        page = self._pages[name]
        self.state.status = page.status
        page.refresh()

    def _switch_language(self, change: Any) -> None:
        """Rebuild the panel in another language, with the same draft."""
        self.state.session.settings.set("language", change["new"])
        self._clear()
        self._build()

    def _clear(self) -> None:
        self.state.remove_listeners()
        for page in self.pages:
            page.close()
        children, self.widget.children = self.widget.children, ()
        release(*children)

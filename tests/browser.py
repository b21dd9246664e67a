"""A real JupyterLab or Notebook in a real browser, for tests and for pictures."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, Self

from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright

expect.set_options(timeout=30_000)  # a condition is waited for, however busy it is
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
]
Front = Literal["lab", "notebook", "classic"]
_APP = "window.jupyterapp"
_IDLE = (
    f"() => {_APP}?.shell?.currentWidget?.sessionContext"
    "?.session?.kernel?.status === 'idle'"
)
_SAVED = f"() => !{_APP}.shell.currentWidget.context.model.dirty"
_SETTLED = """async () => {
  await Promise.all(document.getAnimations().map(one => one.finished));
  await new Promise(done => requestIdleCallback(done));
}"""
_NUMBERED = re.compile(r"^\W*\d+\W*$")


@contextmanager
def browser() -> Iterator[Browser]:
    """Debian's chromium without a window."""
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield opened
        opened.close()


class Jupyter:
    """A server of its own, with a home of its own.

    Args:
        home: an empty folder; notebooks go into ``home / "notebooks"``.
        front: JupyterLab, Notebook 7, or Notebook 6, which is the classic one.
        dark: the dark theme.
        env: more of the environment, for server and kernels.
        settings: more of JupyterLab's overrides, by plugin.
    """

    def __init__(
        self,
        home: Path,
        *,
        front: Front = "lab",
        dark: bool = False,
        env: Mapping[str, str] | None = None,
        settings: Mapping[str, Any] | None = None,
    ) -> None:
        self.root = home / "notebooks"
        self.root.mkdir(parents=True, exist_ok=True)
        self._home = home
        self._front = front
        self._env = {**_environment(home), **(env or {})}
        self._settings = {**_overrides(dark=dark), **(settings or {})}
        self._process: subprocess.Popen[bytes] | None = None
        self.port = 0

    def __enter__(self) -> Self:
        self._write_settings()
        self.port = _free_port()
        log = (self._home / "server.log").open("wb")
        self._process = subprocess.Popen(
            self._command(),
            env=self._env,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        log.close()
        try:
            self._wait()
        except TimeoutError:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_error: object) -> None:
        if self._process is not None:
            os.killpg(self._process.pid, signal.SIGTERM)
            self._process.wait(20)

    def url(self, notebook: str) -> str:
        """The address of a notebook under the root."""
        page = "doc/tree" if self._front == "lab" else "notebooks"
        reset = "?reset" if self._front == "lab" else ""
        return f"http://127.0.0.1:{self.port}/{page}/{notebook}{reset}"

    def _command(self) -> list[str]:
        command = [
            sys.executable,
            "-m",
            "jupyterlab" if self._front == "lab" else "notebook",
            "--no-browser",
            "--allow-root",
            "--ip=127.0.0.1",
            f"--port={self.port}",
        ]
        if self._front == "classic":
            return [
                *command,
                "--NotebookApp.token=",
                "--NotebookApp.password=",
                f"--NotebookApp.notebook_dir={self.root}",
            ]
        return [
            *command,
            "--ServerApp.port_retries=0",
            "--IdentityProvider.token=",
            "--ServerApp.password=",
            "--ServerApp.disable_check_xsrf=True",
            f"--ServerApp.root_dir={self.root}",
            f"--LabApp.app_settings_dir={self._home / 'app'}",
            "--expose-app-in-browser",
        ]

    def _write_settings(self) -> None:
        overrides = self._home / "app" / "overrides.json"
        overrides.parent.mkdir(exist_ok=True)
        overrides.write_text(json.dumps(self._settings), "utf-8")
        for plugin, values in self._settings.items():
            package, _, name = plugin.partition(":")
            place = self._home / "user" / package / f"{name}.jupyterlab-settings"
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(json.dumps(values), "utf-8")

    def _wait(self) -> None:
        for _ in range(240):
            try:
                urllib.request.urlopen(
                    f"http://127.0.0.1:{self.port}/api/status"
                ).read()
            except OSError:
                time.sleep(0.25)
            else:
                return
        log = (self._home / "server.log").read_text("utf-8", "replace")
        raise TimeoutError(log[-2000:])


class Sheet:
    """A notebook that is open in the browser."""

    def __init__(self, page: Page) -> None:
        self.page = page

    @classmethod
    def open(cls, page: Page, url: str) -> "Sheet":
        """Go there and wait for the kernel."""
        page.goto(url)
        page.wait_for_function(_IDLE, timeout=60_000)
        return cls(page)

    def cell(self, at: int) -> Locator:
        """The code cell at a place."""
        return self.page.locator(".jp-Notebook .jp-CodeCell").nth(at)

    def output(self, at: int) -> Locator:
        """The outputs of a code cell."""
        return self.cell(at).locator(".jp-Cell-outputArea")

    def run(self, at: int, *, wait: bool = True) -> None:
        """Run a code cell, and wait for its end."""
        self.cell(at).locator(".cm-content").click()
        self.page.keyboard.press("Control+Enter")
        if wait:
            self.wait(at)

    def wait(self, at: int, seconds: float = 30) -> None:
        """Wait until a cell has its number."""
        prompt = self.cell(at).locator(".jp-InputPrompt")
        expect(prompt).to_have_text(_NUMBERED, timeout=seconds * 1000)

    def run_all(self) -> None:
        """Run every cell, and wait for the last one."""
        cells = self.page.locator(".jp-Notebook .jp-CodeCell").count()
        self.command("notebook:run-all-cells")
        self.wait(cells - 1, 90)

    def save(self) -> None:
        """Save the notebook, and wait until nothing is unsaved."""
        self.command("docmanager:save")
        self.page.wait_for_function(_SAVED)

    def settle(self) -> None:
        """Wait until the page has nothing left to do or to move."""
        self.page.evaluate(_SETTLED)

    def command(self, name: str) -> None:
        """Execute a command of the front end, and wait for its end."""
        self.page.evaluate(f"{_APP}.commands.execute({name!r})")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _environment(home: Path) -> dict[str, str]:
    kept = {
        k: v for k, v in os.environ.items() if not k.startswith(("WCODE", "JUPYTER"))
    }
    places = {
        "HOME": "",
        "JUPYTER_CONFIG_DIR": "config",
        "JUPYTER_DATA_DIR": "data",
        "JUPYTER_RUNTIME_DIR": "runtime",
        "JUPYTERLAB_SETTINGS_DIR": "user",
        "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
        "IPYTHONDIR": "ipython",
        "XDG_CONFIG_HOME": "xdg",
        "XDG_DATA_HOME": "xdg",
    }
    moved = {name: str(home / place) for name, place in places.items()}
    keyring = {"PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring"}
    return {**kept, **moved, **keyring, "WCODE_LANGUAGE": "en"}


def _overrides(*, dark: bool) -> dict[str, Any]:
    quiet = {"fetchNews": "false", "checkForUpdates": False}
    found: dict[str, Any] = {"@jupyterlab/apputils-extension:notification": quiet}
    if dark:
        theme = {"theme": "JupyterLab Dark"}
        found["@jupyterlab/apputils-extension:themes"] = theme
    return found

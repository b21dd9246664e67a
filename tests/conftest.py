"""What all tests share: no key, no keyring, no person's files, English."""

import os
import signal
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from IPython.core.interactiveshell import InteractiveShell

from tests.browser import CHROMIUM
from tests.catalogues import forget_models
from tests.loopback import Loopback, Script
from tests.terminal import Runner, new_shell, run_in
from wcode_magics.protocol import models
from wcode_magics.tables import registration

settings.register_profile(
    "any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("any machine")
CLUSTERS = Path(__file__).parent / "tables" / "dask"
os.environ["PYTHON_KEYRING_BACKEND"] = "keyring.backends.null.Keyring"
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # a shell's job in background
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Clusters are slow; without chromium browser tests are skipped, and say why.

    What has a browser or a cluster may take five minutes on a busy machine.
    """
    for item in items:
        if CLUSTERS in item.path.parents:
            item.add_marker(pytest.mark.slow)
        large = item.get_closest_marker("browser") or item.get_closest_marker("slow")
        if large and not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(300))
    if CHROMIUM is None:
        for item in items:
            if item.get_closest_marker("browser"):
                reason = "chromium is not installed (Debian's package chromium)"
                item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(autouse=True)
def clean_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    """Each test starts as a new person on a new machine, with ``df.wcode``."""
    registration.watch()
    for name in [*os.environ]:
        if name.startswith("WCODE_") or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("WCODE_LANGUAGE", "en")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    yield
    from wcode_magics import text

    text.use(None)
    forget_models()


@pytest.fixture
def loopback(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., Loopback]]:
    """Make servers: ``loopback(answer, …)``.

    Under the mark ``priced`` the catalogue has a row for each, as it has for the
    hosted service: prices, a context and a tokenizer that are known.
    """
    servers: list[Loopback] = []

    def make(*script: Script, **more: Any) -> Loopback:
        servers.append(Loopback(*script, **more).__enter__())
        if request.node.get_closest_marker("priced"):
            row = replace(models.MODELS[0], place=servers[-1].url)
            monkeypatch.setattr(models, "MODELS", (*models.MODELS, row))
        return servers[-1]

    yield make
    for server in servers:
        server.__exit__()


@pytest.fixture
def shell() -> Iterator[InteractiveShell]:
    """A shell with the extension loaded."""
    shell = new_shell()
    shell.run_line_magic("load_ext", "wcode_magics")
    yield shell
    shell.run_line_magic("unload_ext", "wcode_magics")


@pytest.fixture
def notebook_shell(shell: InteractiveShell) -> InteractiveShell:
    """A shell that takes itself for that of a notebook."""
    shell.kernel = SimpleNamespace(get_parent=lambda _channel: {})
    return shell


@pytest.fixture
def run(shell: InteractiveShell) -> Runner:
    """Run a cell in the shell and tell what it did."""
    return partial(run_in, shell)


@pytest.fixture
def server(
    loopback: Callable[..., Loopback], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Loopback]:
    """Start a server and make it the endpoint: ``server(answer, …)``."""

    def start(*script: Script) -> Loopback:
        made = loopback(*script)
        monkeypatch.setenv("WCODE_BASE_URL", made.url)
        monkeypatch.setenv("WCODE_RETRIES", "0")
        return made

    return start


@pytest.fixture
def serve(loopback: Callable[..., Loopback]) -> Iterator[Callable[..., Loopback]]:
    """Make a server and let tables use it: ``serve(script, **settings)``."""
    from tests.tables.asking import echo
    from wcode_magics.session.session import Session
    from wcode_magics.tables import accessor

    sessions: list[Session] = []

    def make(*script: Script, **settings: Any) -> Loopback:
        made = loopback(*(script or [echo]))
        sessions.append(Session(base_url=made.url, **{"api_key": "k", **settings}))
        accessor.register(sessions[-1])
        return made

    yield make
    for session in sessions:
        session.close()
    accessor.register()

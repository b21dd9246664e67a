"""The key in the secrets of a hosted notebook."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from wcode_magics.settings import notebook_secrets
from wcode_magics.settings.settings import KEY_VARIABLE, Settings

COLAB = "def get(name):\n    {}\n"
KAGGLE = "class UserSecretsClient:\n    def get_secret(self, name):\n        {}\n"
HOSTS = {"google/colab/userdata.py": COLAB, "kaggle_secrets.py": KAGGLE}
Host = Callable[[str, str], None]


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Host]:
    """Make this machine a host: ``host(file, what its function does)``."""

    def make(file: str, does: str) -> None:
        path = tmp_path / "host" / file
        path.parent.mkdir(parents=True)
        path.write_text(HOSTS[file].format(does))
        monkeypatch.syspath_prepend(tmp_path / "host")

    before = {*sys.modules}
    yield make
    for name in {*sys.modules} - before:
        if name.partition(".")[0] in {"google", "kaggle_secrets"}:
            del sys.modules[name]


@pytest.mark.parametrize("file", HOSTS)
def test_the_key_is_read_from_the_hosts_secrets(host: Host, file: str) -> None:
    """It is asked for under the name of the variable."""
    host(file, "return {'" + KEY_VARIABLE + "': ' k-1 '}[name]")
    assert Settings().key() == "k-1"


@pytest.mark.parametrize("file", HOSTS)
@pytest.mark.parametrize(
    "does",
    [
        "raise PermissionError('no leave')",
        "raise TimeoutError",
        "return None",
        "return ''",
        "return 3",
    ],
)
def test_what_a_host_raises_means_no_key(host: Host, file: str, does: str) -> None:
    """No secret, no leave, no answer: the sandbox answers, and no cell fails."""
    host(file, does)
    assert Settings().key() is None


def test_elsewhere_there_are_no_such_secrets() -> None:
    """On any other machine nothing is found, and nothing is raised."""
    assert notebook_secrets.read(KEY_VARIABLE) is None


@pytest.mark.parametrize("file", HOSTS)
def test_the_environment_comes_first(
    host: Host, file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A host that has the key is not asked where the environment has one."""
    host(file, "raise AssertionError")
    monkeypatch.setenv(KEY_VARIABLE, "mine")
    assert Settings().key() == "mine"

"""The wheel and the sdist in empty environments: small, and every extra alone works."""

import os
import re
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.versions.__main__ import UV

ROOT = Path(__file__).parents[1]
EXTRAS = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"][
    "optional-dependencies"
]
pytestmark = [
    pytest.mark.long,
    pytest.mark.timeout(300),
    pytest.mark.skipif(not UV.is_file(), reason="uv is not installed (group versions)"),
]

MOST_PACKAGES, MOST_MB = 35, 60
"""What an installation may bring that IPython does not bring."""

SIZES = """
from importlib.metadata import distributions
for one in distributions():
    files = [file.locate() for file in one.files or () if file.suffix != ".pyc"]
    print(one.metadata["Name"], sum(f.stat().st_size for f in files if f.is_file()))
"""
CELLS = """
from IPython.core.interactiveshell import InteractiveShell

shell = InteractiveShell.instance()
for cell in (
    "%load_ext wcode_magics",
    "%%wcode -t 0 --out answer\\nWhat is the capital of France?",
    "%%wcode -t 0 -l 5 --out scored\\nWhat is the capital of France?",
    '%%wcode -t 0 --schema {"name": "str", "age": "int"} -o who\\nAnna is 31 years.',
    "%%wcode -t 0 --format html\\nWrite <b>bold</b>",
    "def weather(city: str) -> str:\\n    return f'{city}: sunny'",
    "%%wcode -t 0 --functions weather\\nWhat is the weather in Paris?",
    "%wcode_history", "%wcode_usage", "%wcode_models", "%wcode_code go",
):
    assert shell.run_cell(cell).success, cell
assert "Paris" in str(shell.user_ns["answer"])
assert shell.user_ns["who"] == {"name": "Anna", "age": 31}, shell.user_ns["who"]
"""
MISSING = """
import os
from wcode_magics import Session, panel, parquet
from wcode_magics.errors import SettingError, WcodeError
from wcode_magics import evaluation
from wcode_magics.protocol import token_counts
from wcode_magics.settings import api_keys

def fails(act, extra):
    try:
        act()
    except WcodeError as error:
        assert str(error).count("\\n") == 0
        assert f'pip install "wcode-magics[{extra}]"' in str(error), error
        print(extra, "is named:", error)
    else:
        raise AssertionError(extra)

with Session() as session:
    reply = session.ask("Say hello", logprobs=True)
    fails(reply.logprobs.frame, "pandas")
    fails(lambda: session.sweep("Hi", {"temperature": [0, 1]}).frame(), "pandas")
    fails(panel, "widgets")
    fails(lambda: parquet("a.parquet", to="b"), "parquet")
    fails(evaluation.require, "evaluate")
    fails(lambda: session.ask("What?", images=[b"GIF89a"]), "images")
    fails(lambda: token_counts.encode_words("hello"), "tokens")
os.environ["HTTP_PROXY"] = "socks5://127.0.0.1:9"
with Session(base_url="http://example.invalid/v1", api_key="k") as session:
    fails(lambda: session.ask("What?"), "socks")
assert api_keys.keep_key("k") is False
assert api_keys.read_key() is None
"""
LOGIN = """
import getpass
from IPython.core.interactiveshell import InteractiveShell

getpass.getpass = lambda prompt: "sk-typed"
shell = InteractiveShell.instance()
shell.run_cell("%load_ext wcode_magics")
assert shell.run_cell("%wcode_login").success
"""
ASK = """
import pandas as pd
import wcode_magics

reviews = pd.DataFrame({"review": ["I love it", "It broke", "Great", "Bad"] * 5})
options = dict(labels=["glad", "angry"], temperature=0, into="mood")
moods = reviews.wcode.classify("{{ review }}", **options)
assert len(moods) == 20 and moods["mood"].notna().all(), moods
"""
SMOKE = {
    "dask": ASK
    + """
import dask.dataframe as dd

table = dd.from_pandas(reviews, npartitions=2)
asked = table.wcode.ask("Summarise: {{ review }}", into="summary", temperature=0)
assert asked.compute()["summary"].notna().all()
""",
    "evaluate": ASK
    + """
found = moods.assign(gold=["glad", "angry"] * 10).wcode.evaluate(gold="gold")
assert "<img" in found._repr_mimebundle_()["text/html"]
""",
    "images": """
from PIL import Image
from wcode_magics import Session

with Session(model="wcode-sandbox") as session:
    sky = Image.new("RGB", (90, 160), (40, 80, 220))
    assert "blue" in session.ask("What do you see?", images=[sky], temperature=0).text
""",
    "interactive": "import anywidget, wcode_magics\nwcode_magics.panel()",
    "keyring": """
import keyring
from keyring.backend import KeyringBackend

class Memory(KeyringBackend):
    priority = 9
    held = {}
    def get_password(self, service, account): return self.held.get(account)
    def set_password(self, service, account, key): self.held[account] = key
    def delete_password(self, service, account): del self.held[account]

keyring.set_keyring(Memory())
"""
    + LOGIN
    + "assert [*Memory.held.values()] == ['sk-typed']",
    "pandas": ASK,
    "parquet": ASK
    + """
reviews.to_parquet("reviews.parquet")
table = wcode_magics.parquet("reviews.parquet", to="summaries", rows=10)
table.ask("Summarise: {{ review }}", into="summary", temperature=0)
assert len(pd.read_parquet("summaries")) == 20
""",
    "socks": """
import os
from wcode_magics import Session
from wcode_magics.errors import ConnectionFailed

os.environ["HTTP_PROXY"] = "socks5://127.0.0.1:9"
with Session(base_url="http://example.invalid/v1", api_key="k", retries=0) as session:
    try:
        session.ask("What?")
    except ConnectionFailed as error:
        assert "proxy" in str(error), error
    else:
        raise AssertionError
""",
    "tokens": """
from wcode_magics.protocol import token_counts

assert token_counts.encode_words("hello")
""",
    "widgets": "import wcode_magics\nwcode_magics.panel()",
}
SMOKE["all"] = """
import importlib.util
import wcode_magics

for name in ("PIL", "aiohttp_socks", "anywidget", "dashscope", "distributed", "keyring",
             "matplotlib", "pandas", "pyarrow", "scipy", "sklearn", "tiktoken"):
    assert importlib.util.find_spec(name), name
wcode_magics.panel()
"""


@dataclass(frozen=True)
class Environment:
    """An empty environment that some packages were installed into."""

    folder: Path

    @classmethod
    def of(cls, folder: Path, *packages: str) -> "Environment":
        """Make one."""
        made = cls(folder)
        run = ["venv", "--quiet", "--python", sys.executable, str(folder)]
        subprocess.run([UV, *run], check=True)
        install = ["pip", "install", "--quiet", "--python", str(made._python)]
        subprocess.run([UV, *install, *packages], check=True)
        return made

    @property
    def _python(self) -> Path:
        return self.folder / "bin" / "python"

    def run(self, code: str) -> str:
        """Run a script in an empty folder of an empty home; return what it prints."""
        home = self.folder / "home"
        home.mkdir(exist_ok=True)
        env = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
        done = subprocess.run(
            [self._python, "-W", "error::ResourceWarning", "-c", code],
            cwd=home,
            env={**env, "HOME": str(home), "IPYTHONDIR": str(home)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
        return done.stdout

    def sizes(self) -> dict[str, int]:
        """Return the bytes of each package."""
        lines = self.run(SIZES).splitlines()
        return {name: int(size) for name, size in map(str.split, lines)}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the wheel and the sdist."""
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "hatchling", "build", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    return folder


@pytest.fixture(scope="module")
def bare(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """The wheel without extras."""
    folder = tmp_path_factory.mktemp("bare") / "env"
    return Environment.of(folder, str(next(built.glob("*.whl"))))


def test_an_installation_is_small(bare: Environment, tmp_path: Path) -> None:
    """It brings at most 35 packages, 60 MB with its own, beyond those of IPython."""
    ipython = Environment.of(tmp_path / "env", "ipython").sizes()
    brought = {k: v for k, v in bare.sizes().items() if k not in ipython}
    others = brought.keys() - {"wcode-magics"}
    assert len(others) <= MOST_PACKAGES, sorted(others)
    assert sum(brought.values()) / 1e6 <= MOST_MB, brought


def test_cells_work_without_extras(bare: Environment) -> None:
    """Answers, streams, probabilities, schemas, tools, HTML and commands."""
    bare.run(CELLS)


def test_a_missing_extra_is_named(bare: Environment) -> None:
    """What needs one says in a line how to install it, and nothing else fails."""
    named = bare.run(MISSING)
    assert 'pip install "wcode-magics[keyring]"' in bare.run(LOGIN)
    asked = {"pandas", "widgets", "parquet", "evaluate", "images", "tokens", "socks"}
    assert {*re.findall(r"^(\w+) is named", named, re.MULTILINE)} == asked


def test_the_sdist_installs(built: Path, tmp_path: Path) -> None:
    """The wheel that is built of it answers as well."""
    made = Environment.of(tmp_path / "env", str(next(built.glob("*.tar.gz"))))
    made.run(CELLS)


@pytest.mark.parametrize("extra", sorted(EXTRAS))
def test_an_extra_works_alone(extra: str, built: Path, tmp_path: Path) -> None:
    """What it is for runs, with nothing else installed."""
    wheel = next(built.glob("*.whl"))
    made = Environment.of(tmp_path / "env", f"wcode-magics[{extra}] @ {wheel.as_uri()}")
    made.run(SMOKE[extra])

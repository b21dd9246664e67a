"""How the exported programs are built and run, language by language.

A builder takes a folder, the programs by name and the folder that a library was
installed into, and returns the command of each. Where the toolchains come from stands
in ``.ci/languages``, where the libraries come from in :mod:`tests.languages.libraries`.
"""

import atexit
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LIBRARIES = ROOT / "build" / "languages"
JARS = tuple(
    Path("/usr/share/java") / f"{name}.jar" for name in ("okhttp", "okio", "gson")
)
GUZZLE = Path("/usr/share/php/GuzzleHttp/autoload.php")
CRATES = Path("/usr/share/cargo/registry")
NODE_MODULES = Path("/usr/share/nodejs")
NEWTONSOFT = Path("/usr/lib/cli/Newtonsoft.Json-5.0/Newtonsoft.Json.dll")
MONO = Path(__file__).parent / "Mono.cs"
FORKS = Path(__file__).parent / "forks.py"
BUILD_SECONDS = 300
SIDE_BY_SIDE = 2

Programs = dict[str, str]
Commands = dict[str, list[str]]
Builder = Callable[[Path, Programs, Path | None], Commands]


@dataclass(frozen=True)
class Toolchain:
    """A row: ``needs`` are commands, headers and files without which it cannot run.

    ``version`` is the command that prints the version of what the machine has, where
    no library is installed apart. ``everywhere`` false: few machines have it.
    """

    key: str
    needs: tuple[str | Path, ...]
    builder: Builder
    version: tuple[str, ...] = ()
    everywhere: bool = True

    def build(
        self, folder: Path, programs: Programs, home: Path | None = None
    ) -> Commands:
        """The command of each program; without ``home`` with the newest library."""
        return self.builder(folder, programs, home or newest(self.key))

    def missing(self, home: Path | None = None) -> str:
        """What it needs and does not find, in words."""
        needs = [n for n in self.needs if home is None or not isinstance(n, Path)]
        return ", ".join(str(need) for need in needs if not _is_there(need))


REQUIRED = os.environ.get("WCODE_LANGUAGES") == "required"


def newest(key: str) -> Path | None:
    """The folder of the newest installed library of a target, where there is one."""

    def by_number(home: Path) -> list[int]:
        return [int(number) for number in re.findall(r"\d+", home.name)]

    homes = (LIBRARIES / key).glob("[0-9]*")
    return max(homes, key=by_number, default=None)


def demand(missing: str, *, everywhere: bool = True) -> None:
    """Skip the test where a toolchain is missing; fail it where they are required."""
    if missing:
        give_up = pytest.fail if REQUIRED and everywhere else pytest.skip
        give_up(f"{missing} missing: .ci/languages installs it")


def _is_there(need):
    return need.exists() if isinstance(need, Path) else shutil.which(need) is not None


def environment(key):
    """The environment of a child: no proxy, UTF-8, and the key unless it is None."""
    kept = ("PATH", "HOME", "TMPDIR", "CARGO_HOME", "RUSTUP_HOME", "JAVA_HOME")
    kept += ("DOTNET_ROOT",)
    env = {name: os.environ[name] for name in kept if name in os.environ}
    env |= {"LC_ALL": "C.UTF-8", "DOTNET_NOLOGO": "1"}
    return env if key is None else {**env, "WCODE_API_KEY": key}


def make(*command: object, folder: Path, **more: str) -> str:
    """Run a compiler, which neither fails nor warns; what it prints."""
    done = subprocess.run(
        [str(word) for word in command],
        cwd=folder,
        env={**environment(None), **more},
        capture_output=True,
        text=True,
        timeout=BUILD_SECONDS,
        check=False,
    )
    told = done.stderr + done.stdout
    assert done.returncode == 0, told
    assert "warning" not in told.lower(), told
    return told


def side_by_side(do: Callable[[str], object], names: Iterable[str]) -> None:
    """Call for each name, a few at a time."""
    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        list(pool.map(do, names))


def _write(folder, name, source, file):
    home = folder / name
    home.mkdir(parents=True, exist_ok=True)
    (home / file).write_text(source, "utf-8", newline="")
    return home


def _interpreted(file, *command):
    def build(folder, programs, _home):
        return {
            name: [*command, str(_write(folder, name, source, file) / file)]
            for name, source in programs.items()
        }

    return build


def _python(folder, programs, home):
    path = () if home is None else ("env", f"PYTHONPATH={home}")
    command = (*path, sys.executable, "-W", "error")
    return _interpreted("ask.py", *command)(folder, programs, home)


def _sdk(folder, programs, home):
    """As the others of Python, in forks of one process that has imported the SDK."""
    place = Path(tempfile.mkdtemp()) / "socket"
    path = {} if home is None else {"PYTHONPATH": str(home)}
    server = subprocess.Popen(
        [sys.executable, "-W", "error", str(FORKS), str(place), "openai"],
        stdin=subprocess.PIPE,
        env={**environment(None), **path},
    )
    atexit.register(_end, server, place)
    deadline = time.monotonic() + BUILD_SECONDS
    while not place.exists():
        assert server.poll() is None, "the SDK cannot be imported"
        assert time.monotonic() < deadline
        time.sleep(0.01)
    client = (sys.executable, "-I", "-S", str(FORKS), str(place))
    return _interpreted("ask.py", *client)(folder, programs, home)


def _end(server, place):
    server.communicate()
    shutil.rmtree(place.parent)


def _javascript(folder, programs, home):
    folder.mkdir(exist_ok=True)
    modules = NODE_MODULES if home is None else home / "node_modules"
    (folder / "node_modules").symlink_to(modules)
    return _interpreted("ask.mjs", "node")(folder, programs, home)


def _guzzle(folder, programs, home):
    commands = PHP(folder, programs, home)
    for name in programs:
        vendor = folder / name / "vendor"
        vendor.mkdir()
        (vendor / "autoload.php").write_text(f"<?php require '{GUZZLE}';")
    return commands


def _c(folder, programs, _home):
    warnings = ("-std=c99", "-Wall", "-Wextra", "-Wtrigraphs")

    def compiled(name):
        home = _write(folder, name, programs[name], "ask.c")
        libraries = ("-lcurl", "-lcjson")
        make("cc", *warnings, "ask.c", "-o", "ask", *libraries, folder=home)

    side_by_side(compiled, programs)
    return {name: [str(folder / name / "ask")] for name in programs}


GO_MOD = "module ask\n\ngo 1.19\n"


def _go(folder, programs, home):
    go = "go" if home is None else home / "go"
    for name, source in programs.items():
        _write(folder, name, source, "ask.go")
    (folder / "go.mod").write_text(GO_MOD)
    (folder / "bin").mkdir()
    make(go, "vet", "./...", folder=folder)
    make(go, "build", "-o", "bin", "./...", folder=folder)
    return {name: [str(folder / "bin" / name)] for name in programs}


def _java(folder, programs, home):
    jars = JARS if home is None else sorted(home.glob("*.jar"))
    path = os.pathsep.join(map(str, jars))

    def compiled(name):
        made = _write(folder, name, programs[name], "Ask.java")
        make("javac", "-Xlint", "-cp", path, "Ask.java", folder=made)

    side_by_side(compiled, programs)
    quick = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Dfile.encoding=UTF-8")
    return {
        name: ["java", *quick, "-cp", f"{path}{os.pathsep}{folder / name}", "Ask"]
        for name in programs
    }


def _csharp(folder, programs, home):
    if shutil.which("dotnet"):
        return _dotnet(folder, programs, home)

    def compiled(name):
        plain = programs[name].replace("#nullable disable\n", "")  # Mono lacks them
        made = _write(folder, name, plain, "ask.cs")
        shutil.copy(NEWTONSOFT, made)
        options = ("-main:Mono", "-r:System.Net.Http", f"-r:{NEWTONSOFT}")
        make("mcs", *options, "-out:ask.exe", "ask.cs", MONO, folder=made)

    side_by_side(compiled, programs)
    return {name: ["mono", str(folder / name / "ask.exe")] for name in programs}


def _dotnet(folder, programs, _home, *packages):
    for name, source in programs.items():
        home = folder / name
        home.mkdir(parents=True)
        make("dotnet", "new", "console", "-n", "ask", "-o", ".", folder=home)
        for package in packages:
            make("dotnet", "add", "package", package, folder=home)
        _write(folder, name, source, "Program.cs")
        make("dotnet", "build", "-v", "q", "-o", "out", folder=home)
    return {
        name: ["dotnet", str(folder / name / "out" / "ask.dll")] for name in programs
    }


def _restsharp(folder, programs, home):
    return _dotnet(folder, programs, home, "RestSharp")


def _swift(folder, programs, _home):
    for name, source in programs.items():
        home = _write(folder, name, source, "main.swift")
        make("swiftc", "-o", "ask", "main.swift", folder=home)
    return {name: [str(folder / name / "ask")] for name in programs}


CARGO_TOML = """\
[package]
name = "ask"
version = "0.0.0"
edition = "2021"

[dependencies]
reqwest = {{ version = "{version}", default-features = false }}
serde_json = "1"
tokio = {{ version = "1", features = ["macros", "rt-multi-thread"] }}

[profile.dev]
debug = 0
"""
CARGO_CONFIG = f"""\
[source.crates-io]
replace-with = "debian"

[source.debian]
directory = "{CRATES}"
"""


def _rust(folder, programs, home):
    binaries = folder / "src" / "bin"
    binaries.mkdir(parents=True)
    for name, source in programs.items():
        (binaries / f"{name}.rs").write_text(source, "utf-8", newline="")
    if home is None:
        (folder / "Cargo.toml").write_text(CARGO_TOML.format(version="0.11"))
        (folder / ".cargo").mkdir()
        (folder / ".cargo" / "config.toml").write_text(CARGO_CONFIG)
        target = folder / "target"
    else:
        shutil.copy(home / "Cargo.toml", folder)
        shutil.copy(home / "Cargo.lock", folder)
        target = home / "target"  # holds the dependencies, compiled
    env = {"CARGO_TARGET_DIR": str(target)}
    make("cargo", "build", "--offline", "--quiet", folder=folder, **env)
    for name in programs:
        shutil.copy(target / "debug" / name, folder)
    return {name: [str(folder / name)] for name in programs}


STRICT_PHP = ("-d", "error_reporting=-1", "-d", "display_errors=stderr")
PHP = _interpreted("ask.php", "php", *STRICT_PHP)
LIBCURL = ("pkg-config", "--modversion", "libcurl")
GUZZLE_VERSION = (
    "dpkg-query",
    "--show",
    "--showformat",
    "${Version}",
    "php-guzzlehttp-guzzle",
)

_ROWS = (
    Toolchain("python-requests", (), _python),
    Toolchain("python-openai", (), _sdk),
    Toolchain("python-httpx", (), _python),
    Toolchain(
        "curl",
        ("bash", "curl", "jq"),
        _interpreted("ask.sh", "bash"),
        ("curl", "--version"),
    ),
    Toolchain(
        "ruby", ("ruby",), _interpreted("ask.rb", "ruby", "-w"), ("ruby", "--version")
    ),
    Toolchain("php-curl", ("php",), PHP, ("php", "--version")),
    Toolchain("php-guzzle", ("php", GUZZLE), _guzzle, GUZZLE_VERSION),
    Toolchain("javascript", ("node", NODE_MODULES / "axios"), _javascript),
    Toolchain("c", ("cc", Path("/usr/include/cjson/cJSON.h")), _c, LIBCURL),
    Toolchain("go", ("go",), _go, ("go", "version")),
    Toolchain("java", ("javac", *JARS), _java),
    Toolchain(
        "csharp-httpclient",
        ("dotnet",) if shutil.which("dotnet") else ("mcs", "mono", NEWTONSOFT),
        _csharp,
        ("dotnet" if shutil.which("dotnet") else "mono", "--version"),
    ),
    Toolchain("csharp-restsharp", ("dotnet",), _restsharp, everywhere=False),
    Toolchain("swift", ("swiftc",), _swift, ("swiftc", "--version"), everywhere=False),
    Toolchain("rust", ("cargo", CRATES / "reqwest-0.11.13"), _rust),
)
TOOLCHAINS = tuple(row for row in _ROWS if row.everywhere or not row.missing())
"""Those of every machine, and those that this one has as well."""

BY_KEY = {toolchain.key: toolchain for toolchain in TOOLCHAINS}

"""How the exported programs are built and run, language by language.

A builder takes a folder and the programs by name, and returns the command of each.
Where the toolchains come from stands in ``.ci/languages``.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NODE_MODULES = ROOT / "build" / "languages" / "node_modules"
JARS = tuple(
    Path("/usr/share/java") / f"{name}.jar" for name in ("okhttp", "okio", "gson")
)
GUZZLE = Path("/usr/share/php/GuzzleHttp/autoload.php")
CRATES = Path("/usr/share/cargo/registry")
NEWTONSOFT = Path("/usr/lib/cli/Newtonsoft.Json-5.0/Newtonsoft.Json.dll")
MONO = Path(__file__).parent / "Mono.cs"
BUILD_SECONDS = 300

Commands = dict[str, list[str]]
Builder = Callable[[Path, dict[str, str]], Commands]


@dataclass(frozen=True)
class Toolchain:
    """A row: ``needs`` are commands, headers and files without which it cannot run."""

    key: str
    needs: tuple[str | Path, ...]
    build: Builder


REQUIRED = os.environ.get("WCODE_LANGUAGES") == "required"


def demand(needs):
    """Skip the test where a toolchain is missing; fail it where they are required."""
    missing = ", ".join(str(need) for need in needs if not _is_there(need))
    if missing:
        give_up = pytest.fail if REQUIRED else pytest.skip
        give_up(f"{missing} missing: .ci/languages installs it")


def _is_there(need):
    return need.exists() if isinstance(need, Path) else shutil.which(need) is not None


def environment(key):
    """The environment of a child: no proxy, UTF-8, and the key unless it is None."""
    kept = ("PATH", "HOME", "TMPDIR", "CARGO_HOME", "RUSTUP_HOME", "JAVA_HOME")
    env = {name: os.environ[name] for name in kept if name in os.environ}
    env |= {"LC_ALL": "C.UTF-8", "GO111MODULE": "off", "PYTHONDEVMODE": "1"}
    return env if key is None else {**env, "WCODE_API_KEY": key}


def _make(*command, folder, **more):
    done = subprocess.run(
        [str(word) for word in command],
        cwd=folder,
        env={**environment(None), **more},
        capture_output=True,
        text=True,
        timeout=BUILD_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr + done.stdout


def _write(folder, name, source, file):
    home = folder / name
    home.mkdir(parents=True, exist_ok=True)
    (home / file).write_text(source, "utf-8", newline="")
    return home


def _interpreted(file, *command):
    def build(folder, programs):
        return {
            name: [*command, str(_write(folder, name, source, file) / file)]
            for name, source in programs.items()
        }

    return build


def _javascript(folder, programs):
    folder.mkdir(exist_ok=True)
    (folder / "node_modules").symlink_to(NODE_MODULES)
    return _interpreted("ask.mjs", "node")(folder, programs)


def _guzzle(folder, programs):
    commands = _interpreted("ask.php", "php")(folder, programs)
    for name in programs:
        vendor = folder / name / "vendor"
        vendor.mkdir()
        (vendor / "autoload.php").write_text(f"<?php require '{GUZZLE}';")
    return commands


def _c(folder, programs):
    warnings = ("-std=c99", "-Wall", "-Wextra", "-Werror", "-Wtrigraphs")
    commands = {}
    for name, source in programs.items():
        home = _write(folder, name, source, "ask.c")
        libraries = ("-lcurl", "-lcjson")
        _make("cc", *warnings, "ask.c", "-o", "ask", *libraries, folder=home)
        commands[name] = [str(home / "ask")]
    return commands


def _go(folder, programs):
    commands = {}
    for name, source in programs.items():
        home = _write(folder, name, source, "ask.go")
        _make("go", "vet", "ask.go", folder=home)
        _make("go", "build", "ask.go", folder=home)
        commands[name] = [str(home / "ask")]
    return commands


def _java(folder, programs):
    jars = os.pathsep.join(map(str, JARS))
    options = ("-cp", jars, "-Dfile.encoding=UTF-8")
    return _interpreted("ask.java", "java", *options)(folder, programs)


def _csharp(folder, programs):
    commands = {}
    for name, source in programs.items():
        plain = source.replace("#nullable disable\n", "")  # Mono has no such types
        home = _write(folder, name, plain, "ask.cs")
        shutil.copy(NEWTONSOFT, home)
        options = ("-main:Mono", "-r:System.Net.Http", f"-r:{NEWTONSOFT}")
        _make("mcs", *options, "-out:ask.exe", "ask.cs", MONO, folder=home)
        commands[name] = ["mono", str(home / "ask.exe")]
    return commands


CARGO_TOML = """\
[package]
name = "ask"
version = "0.0.0"
edition = "2021"

[dependencies]
reqwest = "0.11"
serde_json = "1"
tokio = { version = "1", features = ["macros", "rt-multi-thread"] }
"""
CARGO_CONFIG = f"""\
[source.crates-io]
replace-with = "debian"

[source.debian]
directory = "{CRATES}"

[profile.dev]
debug = 0
"""


def _rust(folder, programs):
    binaries = folder / "src" / "bin"
    binaries.mkdir(parents=True)
    for name, source in programs.items():
        (binaries / f"{name}.rs").write_text(source, "utf-8", newline="")
    (folder / "Cargo.toml").write_text(CARGO_TOML)
    (folder / ".cargo").mkdir()
    (folder / ".cargo" / "config.toml").write_text(CARGO_CONFIG)
    _make("cargo", "build", "--offline", "--quiet", folder=folder)
    return {name: [str(folder / "target" / "debug" / name)] for name in programs}


PYTHON = _interpreted("ask.py", sys.executable, "-W", "error")

TOOLCHAINS = (
    Toolchain("python-requests", (), PYTHON),
    Toolchain("python-openai", (), PYTHON),
    Toolchain("python-httpx", (), PYTHON),
    Toolchain("curl", ("bash", "curl", "jq"), _interpreted("ask.sh", "bash")),
    Toolchain("ruby", ("ruby",), _interpreted("ask.rb", "ruby", "-w")),
    Toolchain("php-curl", ("php",), _interpreted("ask.php", "php")),
    Toolchain("php-guzzle", ("php", GUZZLE), _guzzle),
    Toolchain("javascript", ("node", NODE_MODULES / "axios"), _javascript),
    Toolchain("c", ("cc", Path("/usr/include/cjson/cJSON.h")), _c),
    Toolchain("go", ("go",), _go),
    Toolchain("java", ("javac", *JARS), _java),
    Toolchain("csharp-httpclient", ("mcs", "mono", NEWTONSOFT), _csharp),
    Toolchain("rust", ("cargo", CRATES / "reqwest-0.11.13"), _rust),
)
BY_KEY = {toolchain.key: toolchain for toolchain in TOOLCHAINS}

"""The libraries that the programs are run with, each from its language's own registry.

The versions are those of the targets' rows. ``python -m tests.languages.libraries``
installs what is missing below ``build/languages``; where a registry does not answer
it prints the packages of Debian that take its place.
"""

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.languages.toolchains import BY_KEY, CARGO_TOML, LIBRARIES, Toolchain, newest
from tests.languages.tried import TRIED

FETCH_SECONDS = 900


@dataclass(frozen=True)
class Edition:
    """A target with one of the versions in its row, as "reqwest 0.13.5"."""

    key: str
    tried: str

    @property
    def version(self) -> str:
        """The number alone."""
        return self.tried.rsplit(" ", 1)[1]

    @property
    def toolchain(self) -> Toolchain:
        """How its programs are built."""
        return BY_KEY[self.key]

    @property
    def home(self) -> Path | None:
        """Where its library is installed; None where the machine's own is used."""
        home = LIBRARIES / self.key / self.version
        return home if home.exists() else None

    @property
    def is_newest(self) -> bool:
        """Whether no later version stands in the row."""
        return self == editions(self.key)[-1]

    def found(self) -> str:
        """The version that runs, as its library or the machine's own tool tells."""
        if self.home is not None:
            return SOURCES[self.key].installed(self.home)
        if not self.toolchain.version:
            return "Debian's"
        done = subprocess.run(
            self.toolchain.version, capture_output=True, text=True, check=True
        )
        return re.findall(r"\d+(?:\.\d+)+", done.stdout)[0]


def editions(key: str) -> list[Edition]:
    """The versions that a target is tried with, lowest first."""
    return [Edition(key, tried) for tried in TRIED[key]]


def _run(*command, folder):
    subprocess.run(
        [str(word) for word in command],
        cwd=folder,
        stdout=subprocess.DEVNULL,
        timeout=FETCH_SECONDS,
        check=True,
    )


def _cargo(home, version):
    (home / "src").mkdir()
    (home / "src" / "main.rs").write_text("fn main() {}\n")
    (home / "Cargo.toml").write_text(CARGO_TOML.format(version=f"={version}"))
    _run("cargo", "build", "--quiet", folder=home)


def _crate(home):
    lock = (home / "Cargo.lock").read_text()
    return re.search(r'name = "reqwest"\nversion = "(.+)"', lock)[1]


POM = """\
<project>
<modelVersion>4.0.0</modelVersion>
<groupId>ask</groupId><artifactId>ask</artifactId><version>1</version>
<dependencies>
<dependency><groupId>com.squareup.okhttp3</groupId>
<artifactId>{artifact}</artifactId><version>{version}</version></dependency>
<dependency><groupId>com.google.code.gson</groupId>
<artifactId>gson</artifactId><version>{gson}</version></dependency>
</dependencies>
</project>
"""
GSON = {"3": "2.8.6", "4": "2.13.2", "5": "2.13.2"}


def _maven(home, version):
    major = version.split(".")[0]
    artifact = "okhttp" if major in {"3", "4"} else "okhttp-jvm"
    pom = POM.format(artifact=artifact, version=version, gson=GSON[major])
    (home / "pom.xml").write_text(pom)
    goal = ("dependency:copy-dependencies", "-DoutputDirectory=.")
    _run("mvn", "--quiet", "--batch-mode", *goal, folder=home)


def _jar(home):
    (jar,) = home.glob("okhttp-*.jar")
    return re.search(r"-(\d.*)\.jar", jar.name)[1]


def _npm(home, version):
    (home / "package.json").write_text("{}")
    _run("npm", "install", "--silent", f"axios@{version}", folder=home)


def _axios(home):
    package = home / "node_modules" / "axios" / "package.json"
    return json.loads(package.read_text())["version"]


def _go(home, version):
    go = home / "go"
    # without an index of its modules, which 1.19 cannot make of a downloaded toolchain
    start = f"GODEBUG=goindex=0 GOTOOLCHAIN=go{version} exec go"
    go.write_text(f'#!/bin/sh\n{start} "$@"\n')
    go.chmod(0o755)
    _run(go, "version", folder=home)


def _toolchain(home):
    done = subprocess.run([home / "go", "version"], capture_output=True, check=True)
    return re.search(r"go(\d\S+)", done.stdout.decode())[1]


def _pip(package):
    def install(home, version):
        command = (sys.executable, "-m", "pip", "install", "--quiet", "--target", home)
        _run(*command, f"{package}=={version}", folder=home)

    return install


def _distribution(package):
    def installed(home):
        (folder,) = home.glob(f"{package}-*.dist-info")
        return re.search(r"-(\d.*)\.dist-info", folder.name)[1]

    return installed


@dataclass(frozen=True)
class Source:
    """How a library is installed into a folder, and which version stands there.

    ``debian`` are the packages that take its place where the registry is not reached.
    """

    install: Callable[[Path, str], None]
    installed: Callable[[Path], str]
    debian: tuple[str, ...] = ()


SOURCES = {
    "rust": Source(
        _cargo,
        _crate,
        ("librust-reqwest-dev", "librust-tokio-dev", "librust-serde-json-dev"),
    ),
    "java": Source(_maven, _jar, ("libokhttp-java", "libgoogle-gson-java")),
    "javascript": Source(_npm, _axios, ("node-axios",)),
    "go": Source(_go, _toolchain, ("golang-go",)),
    "python-requests": Source(_pip("requests"), _distribution("requests")),
    "python-openai": Source(_pip("openai"), _distribution("openai")),
    "python-httpx": Source(_pip("httpx"), _distribution("httpx")),
}


def fetch() -> Iterator[str]:
    """Install what is missing; the packages of Debian for what cannot be had."""
    for key, source in SOURCES.items():
        for edition in editions(key):
            home = LIBRARIES / key / edition.version
            if not home.exists() and not _fetched(source, home, edition):
                print(f"{key}: no {edition.tried} from its registry", file=sys.stderr)
        if newest(key) is None:
            taken = ", ".join(source.debian) or "the environment's own"
            print(f"{key}: {taken} taken in its place", file=sys.stderr)
            yield from source.debian


def _fetched(source, home, edition):
    part = home.with_name("part")
    subprocess.run(["rm", "-rf", part], check=True)
    part.mkdir(parents=True)
    try:
        source.install(part, edition.version)
    except (subprocess.SubprocessError, OSError):
        return False
    part.rename(home)
    return True


if __name__ == "__main__":
    print(*fetch())

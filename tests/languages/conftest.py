"""One server for all programs, and each language's programs built once."""

import subprocess
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pytest

from tests.golden_files import program
from tests.languages import toolchains
from tests.languages.answers import KEY, answer
from tests.loopback import Loopback
from tests.matrix import CASES, LONG
from wcode_magics import snippets

RUN_SECONDS = 60


@dataclass
class Workshop:
    """The programs of one language, built when the first of them is run."""

    target: snippets.Target
    folder: Path
    server: Loopback

    @cached_property
    def commands(self):
        """The command of each program, by the name of its case."""
        build = toolchains.BY_KEY[self.target.key].build
        return build(self.folder, self._programs())

    def _programs(self):
        sources = {
            name: program(self.target, name, base_url=self.server.url)
            for name, case in CASES.items()
        }
        sources["long"] = snippets.render(
            LONG, self.target.key, base_url=self.server.url
        )
        return sources

    def run(self, name, key=KEY):
        """The finished program, and the requests that the server saw meanwhile."""
        command = self.commands[name]
        before = len(self.server.seen)
        done = subprocess.run(
            command,
            cwd=self.folder,
            env=toolchains.environment(key),
            capture_output=True,
            timeout=RUN_SECONDS,
            check=False,
        )
        return done, self.server.seen[before:]


@pytest.fixture(scope="session")
def server():
    """The loopback server that all programs call."""
    with Loopback(answer) as loopback:
        yield loopback


@pytest.fixture(scope="session")
def workshops(server, tmp_path_factory):
    """Workshops by target, each made at its first use."""
    made = {}

    def workshop(key):
        toolchains.demand(toolchains.BY_KEY[key].needs)
        if key not in made:
            folder = tmp_path_factory.mktemp(key)
            made[key] = Workshop(snippets.find(key), folder, server)
        return made[key]

    return workshop

"""Each test file is in one job, and no failure of a job is lost."""

import sys
from collections import Counter

import pytest

from tests.jobs import LONGEST, ROOT, Job, groups, is_ci, jobs, run


def test_each_file_of_tests_is_in_one_job():
    """No file is left out, none runs twice, and no name in the list is outdated."""
    files = {
        path.relative_to(ROOT).as_posix() for path in ROOT.glob("tests/**/test_*.py")
    }
    in_jobs = Counter(file for group in groups().values() for file in group)
    assert in_jobs == Counter(files)
    assert [name for name in LONGEST if not groups()[name]] == []
    names = [job.name for job in jobs(ci=True)]
    assert len({*names}) == len(names)


def test_a_job_ends_at_the_command_that_fails():
    """What was printed and the exit code are kept; the other jobs run to their end."""

    def python(code):
        return (sys.executable, "-c", code)

    queue = [
        Job("fails", (python("print(1); exit(3)"), python("print(2)"))),
        Job("passes", (python("import os; print(os.environ['A'])"),), {"A": "b"}),
    ]
    ended = {one.job.name: one for one in run(queue, 2)}
    assert (ended["fails"].code, ended["fails"].printed) == (3, "1\n")
    assert (ended["passes"].code, ended["passes"].printed) == (0, "b\n")
    assert "FAILED (3)" in ended["fails"].line


def test_an_unknown_word_starts_nothing():
    """It is refused before any job begins."""
    assert (is_ci([]), is_ci(["ci"])) == (False, True)
    with pytest.raises(SystemExit):
        is_ci(["--frob"])

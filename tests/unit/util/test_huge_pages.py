"""A command restarts itself once, with the same arguments and number."""

import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.processes

_PROGRAM = """
import os, sys
from kgv_jax.util.huge_pages import restart_with_huge_pages
print(os.getpid(), os.environ.get("GLIBC_TUNABLES"), *sys.argv[1:], flush=True)
restart_with_huge_pages()
print("goes on")
"""


def _lines(**variables):
    environment = {key: value for key, value in os.environ.items() if key != "GLIBC_TUNABLES"} | variables
    command = [sys.executable, "-c", _PROGRAM, "--an argument=1"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def test_it_starts_anew_once():
    first, *again, last = _lines()
    if sys.platform != "linux":
        assert not again and last == "goes on"
        return
    (second,) = again
    process, *rest = first.split(maxsplit=2)
    assert rest == ["None", "--an argument=1"] and last == "goes on"
    assert second == f"{process} glibc.malloc.hugetlb=1 --an argument=1"


def test_a_setting_of_the_users_own_stays():
    first, last = _lines(GLIBC_TUNABLES="glibc.malloc.hugetlb=0")
    assert "glibc.malloc.hugetlb=0" in first and last == "goes on"

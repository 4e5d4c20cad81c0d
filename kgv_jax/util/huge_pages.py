"""Memory in huge pages: otherwise a training step on a CPU waits for its temporaries, given out in pages of 4 kB."""

from __future__ import annotations

import os
import sys

_TUNABLES = "GLIBC_TUNABLES"
# glibc 2.35 and newer: ask for huge pages with madvise.
_HUGE_PAGES = "glibc.malloc.hugetlb=1"


def restart_with_huge_pages() -> None:
    """Starts this process anew with glibc told to ask the kernel for huge pages; the process number stays.

    glibc reads the setting before the first instruction of a program, so it cannot be set later. Nothing happens
    where it is set already (to `glibc.malloc.hugetlb=0`, say, by who does not want this), or not on Linux.
    """
    if sys.platform == "linux" and _TUNABLES not in os.environ:
        os.execve(sys.executable, sys.orig_argv, {**os.environ, _TUNABLES: _HUGE_PAGES})

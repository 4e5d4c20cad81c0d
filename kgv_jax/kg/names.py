"""IRIs and the short names that people use for them."""

from __future__ import annotations

import re

RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
RDFS = "http://www.w3.org/2000/01/rdf-schema#"
OWL = "http://www.w3.org/2002/07/owl#"
RDF_TYPE = RDF + "type"
RDFS_LABEL = RDFS + "label"

_COMPACT = re.compile(r"[A-Za-z][\w.+-]*:[^\s/]+")


def local_name(name: str) -> str:
    """Returns what follows the last `#`, `/` or `:` of an IRI; any other string as it is.

    >>> local_name("https://example.org/sign#yield.de"), local_name("sign:yield"), local_name("AC/DC: a band")
    ('yield.de', 'yield', 'AC/DC: a band')
    """
    if "://" in name:
        return re.split(r"[#/]", name.rstrip("#/"))[-1] or name
    if _COMPACT.fullmatch(name):
        return name.rsplit(":", 1)[-1]
    return name


def plain(name: str) -> str:
    """Returns the name as it is compared when spelling differs: no case, one kind of separator."""
    return " ".join(re.split(r"[\s_-]+", name.strip().casefold()))

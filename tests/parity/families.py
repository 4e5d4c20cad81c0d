"""All references, by name."""

from tests.parity import clips, efficientnets, vits

REFERENCES = {**vits.REFERENCES, **clips.REFERENCES, **efficientnets.REFERENCES}

"""All references as small as our test variants, by name."""

from tests.parity import clips, efficientnets, resnets, vits

REFERENCES = {**resnets.REFERENCES, **vits.REFERENCES, **clips.REFERENCES, **efficientnets.REFERENCES}

"""All references as small as our test variants, by name."""

from tests.parity import clips, dinov2s, efficientnets, resnets, vits

REFERENCES = {
    **resnets.REFERENCES,
    **vits.REFERENCES,
    **dinov2s.REFERENCES,
    **clips.REFERENCES,
    **efficientnets.REFERENCES,
}

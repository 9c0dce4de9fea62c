"""What every test shares."""

from hypothesis import settings

# How long an example takes says something about the machine, not about the claim.
settings.register_profile("platform", deadline=None)
settings.load_profile("platform")

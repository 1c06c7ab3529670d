"""Say how many random examples a run tries: a handful for each mutant, some in every test run, many in a proof."""

from __future__ import annotations

import decimal
import os

from hypothesis import HealthCheck, Phase, settings

PROFILE = os.environ.get("HYPOTHESIS_PROFILE", "test")

settings.register_profile("test", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True)
settings.register_profile("prove", parent=settings.get_profile("test"), max_examples=5_000)
settings.register_profile(
    "mutation",
    parent=settings.get_profile("test"),
    max_examples=10,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.generate],
)
settings.load_profile(PROFILE)
if PROFILE == "mutation":  # no Django here, whose settings see to this elsewhere
    decimal.DefaultContext.prec = 60
    decimal.setcontext(decimal.Context(prec=60))


def examples(*, test: int, prove: int, mutation: int) -> int:
    """Return the number of examples that suits the run."""
    return {"prove": prove, "mutation": mutation}.get(PROFILE, test)

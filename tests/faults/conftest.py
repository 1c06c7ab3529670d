"""Collect the fault proofs for `make prove` only: they take minutes."""

from __future__ import annotations

import os

collect_ignore = [] if os.environ.get("HYPOTHESIS_PROFILE") == "prove" else ["test_faults.py"]

"""Name the kinds of arrays the signals are computed with; axis 0 is the day wherever there is one."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Codes = NDArray[np.int8]
Bools = NDArray[np.bool_]
Instants = NDArray[np.datetime64]

NAN = float("nan")
TOLERANCE = 1e-9

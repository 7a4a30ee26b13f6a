"""Before torch is imported: one thread, since the workers of pytest-xdist share the cores."""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

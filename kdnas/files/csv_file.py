"""Reading of CSV artifacts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from kdnas.errors import UserError
from kdnas.sentences import reason


def read_csv(path: str | Path, **options: Any) -> pd.DataFrame:
    """Read a CSV artifact with pandas' ``options``; raises UserError if it is missing or damaged."""
    try:
        return pd.read_csv(path, **options)
    except FileNotFoundError as error:
        raise UserError(f"{path} is missing") from error
    except (ValueError, OSError) as error:
        raise UserError(
            f"{path} is damaged ({reason(error)}); delete it and run the same command again"
        ) from error

"""Reader of CSV files, and what is refused in any file of rows and columns as text."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from kdnas.data.sources.checks import number
from kdnas.data.sources.readers import Encoding, read_text
from kdnas.errors import UserError
from kdnas.sentences import short, shown

LONGEST_FIELD = 10**8  # characters; Python's own limit is below the length of a long text
SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "the character |"}


def read_csv(path: Path, encoding: Encoding) -> pd.DataFrame:
    """Return all columns of a CSV file, every cell as its text; a short row ends in empty cells.

    Fields are quoted as pandas, spreadsheets and Kaggle do it: in double quotes, which are doubled inside.
    Other quotes around a field are refused, because one too many or too few makes one field of many rows.
    """
    csv.field_size_limit(LONGEST_FIELD)
    lines = csv.reader(io.StringIO(read_text(path, encoding)), strict=True)
    header: list[str] = []
    rows = []
    begun = 1  # the line that a row starts in
    try:
        for cells in lines:
            blank = len(cells) < 2 and not "".join(cells).strip()
            if not header and not blank:
                header = [name.strip() for name in cells]
                check_separator(header, path, ",")
            elif header and len(cells) > len(header):
                raise csv.Error(f"{len(header)} columns, but {len(cells)} fields in line {begun}")
            elif header and (not blank or len(cells) == len(header)):
                rows.append(cells + [""] * (len(header) - len(cells)))
            begun = lines.line_num + 1
    except csv.Error as error:
        found = str(error)
        if "expected after" in found:
            found = f"in the row of line {begun}, text follows the quotes that close in line {lines.line_num}"
        elif "end of data" in found:
            found = f"quotes open in the row of line {begun} and never close"
        raise UserError(
            f"{path} is not a CSV file ({found}); allowed: column names in the first line, commas between "
            "fields, and double quotes around a field that has a comma, a quote or a line break, with the "
            "quotes in it doubled"
        ) from error
    if not header:
        raise UserError(f"{path} has no rows")
    return pd.DataFrame(rows, columns=header, dtype="str")


def check_separator(header: Sequence[str], path: Path, separator: str) -> None:
    """Raise UserError where the one column of a header looks like several with another separator."""
    for other, name in SEPARATORS.items():
        if len(header) == 1 and other != separator and other in header[0]:
            raise UserError(
                f"{path} has {name} between its columns ({short(header[0])}); allowed in a "
                f"{path.suffixes[0]} file: {SEPARATORS[separator]}"
            )


def check_rows(frame: pd.DataFrame, label: str, *, where: str) -> None:
    """Raise UserError for a row that repeats the column names, and for quotes around several rows.

    ``frame`` has all columns of a text file, every cell as its text; ``label`` may be one of them.
    """
    if len(frame.columns) > 1:
        again = (frame == list(frame.columns)).all(axis="columns").to_numpy().nonzero()[0]
        if len(again):
            raise UserError(
                f"{where}, row {again[0] + 1} has the names of the columns again; allowed: in the first line "
                "alone"
            )
    if list(frame.columns).count(label) != 1:
        return
    place, known = list(frame.columns).index(label), set(frame[label])
    of_numbers = sum(map(_is_number, known)) > len(known) / 2

    def is_row(line: str) -> bool:
        cells = next(csv.reader([line]), [])
        if len(cells) != len(frame.columns) or not cells[place]:
            return False
        return cells[place] in known or (of_numbers and _is_number(cells[place]))

    for row, cells in enumerate(frame.itertuples(index=False, name=None), start=1):
        for cell in cells:
            lines = cell.split("\n")
            if len(lines) > 2 and sum(map(is_row, lines)) >= len(lines) - 1:  # all but where quotes are
                raise UserError(
                    f"{where}, row {row} has a field of {len(lines)} lines that look like rows, from "
                    f"{shown(lines[0])} on; allowed: double quotes around one field, with the quotes in it "
                    "doubled"
                )


def _is_number(text: str) -> bool:
    return not math.isnan(number(text))

"""The sheet: a CSV file, as spreadsheets save it."""

import csv
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FILES = ("image", "audio")
_LISTS = frozenset({"speakers", "turns", "crop"})
_TRUE, _FALSE = frozenset({"true", "yes", "on", "1"}), frozenset({"false", "no", "off", "0"})
_SEPARATORS = ",;\t"


class SheetError(Exception):
    """The sheet, a file that it names, or the command's arguments cannot be used; nothing was sent."""


@dataclass(frozen=True)
class Row:
    """A row of the sheet.

    Attributes:
        number: Of the line as a spreadsheet counts them: 2 is the first below the names.
        fields: As the API has them, without the files.
        files: Where photo and voice lie.
    """

    number: int
    fields: Mapping[str, Any]
    files: Mapping[str, Path]

    @property
    def name(self) -> str:
        """Of the video, without its ending."""
        reference = str(self.fields.get("reference") or "")
        kept = "".join(mark if mark.isalnum() or mark in "-_. " else "_" for mark in reference).strip(" .")
        return f"{self.number:04}-{kept[:80]}" if kept else f"{self.number:04}"


def read_sheet(path: Path) -> list[Row]:
    """Read a sheet: CSV in UTF-8 with commas, semicolons or tabs, as spreadsheets save it.

    Raises:
        SheetError: It cannot be read; the message names the line.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise SheetError(f"{path} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise SheetError(
            f"{path} is not in UTF-8. Save it as 'CSV UTF-8', which stands in the list of kinds of files."
        ) from None
    head = text.split("\n", 1)[0]
    separator = max(_SEPARATORS, key=head.count)
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    try:
        names = [name.strip() for name in reader.fieldnames or ()]
        reader.fieldnames = names
        if not {"image"} <= set(names) or len(set(names)) < len(names):
            raise SheetError(f"{path}: the first line has to name the columns, each once: image, audio, reference ...")
        rows = [_read_row(path, reader.line_num, cells) for cells in reader if any(cells.values())]
    except csv.Error as error:
        raise SheetError(f"{path}, line {reader.line_num}: {error}.") from None
    if not rows:
        raise SheetError(f"{path} has no rows.")
    return rows


def _read_row(path: Path, line: int, cells: Mapping[str | None, Any]) -> Row:
    if None in cells:
        raise SheetError(f"{path}, line {line}: more cells than columns.")
    given = {str(name): str(cell).strip() for name, cell in cells.items() if cell and str(cell).strip()}
    files = {name: path.parent / given.pop(name) for name in FILES if name in given}
    if "image" not in files:
        raise SheetError(f"{path}, line {line}: no image.")
    for name, file in files.items():
        if not file.is_file():
            raise SheetError(f"{path}, line {line}: {name}: there is no file {file}.")
    return Row(line, {name: _read_cell(path, line, name, cell) for name, cell in given.items()}, files)


def _read_cell(path: Path, line: int, name: str, cell: str) -> Any:  # noqa: ANN401 - any JSON
    """Return a cell as JSON has it: numbers and lists are read, what else there is stays a text."""
    if name in {"prompt", "reference", "profile", "model", "aspect", "callback_url", "order", "label"}:
        return cell
    if name == "consent":
        if cell.lower() not in _TRUE | _FALSE:
            raise SheetError(f"{path}, line {line}: consent: expected yes or no, got {cell[:40]!r}.")
        return cell.lower() in _TRUE
    if name in _LISTS and cell == "auto":
        return cell
    try:
        return json.loads(cell.replace(",", ".") if name not in _LISTS else cell)
    except ValueError:
        raise SheetError(f"{path}, line {line}: {name}: expected a number or a list, got {cell[:40]!r}.") from None

"""`python -m app.batch SHEET.csv --url URL --out FOLDER`: makes a video of every row of a sheet.

Each file is uploaded once. A few videos are made at a time and fetched as they are done. Run again after whatever ended
it, it goes on where it was: what is done is not made again, and what was asked for is not paid for twice.
"""

from app.batch.sheet import SheetError, read_sheet

__all__ = ["SheetError", "read_sheet"]

"""What the REST API takes in the address."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from app.records import MOST_CHARACTERS, Status

MOST_LISTED = 100


class ListQuery(BaseModel):
    """Which jobs to list; a field that is not known is an error, so that a typing mistake is noticed."""

    model_config = ConfigDict(extra="forbid")

    status: Annotated[Status | None, Field(description="Only those that have it.")] = None
    reference: Annotated[
        str | None, Field(max_length=MOST_CHARACTERS, description="Only those that you gave this name.")
    ] = None
    limit: Annotated[int, Field(ge=1, le=MOST_LISTED, description="How many at most.")] = 20
    cursor: Annotated[
        str | None, Field(max_length=200, description="`next_cursor` of the page before, for the next one.")
    ] = None

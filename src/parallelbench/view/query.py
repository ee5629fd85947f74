"""The filters of the explorer's address, checked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from parallelbench.errors import UserError
from parallelbench.report.sample_data import shown

NOT_COMPUTED_NAME = "not computed"
"""The value of the filter for samples for which no reasons were computed."""
Name = Annotated[str, Field(max_length=400)]
STRICT = ConfigDict(frozen=True, extra="forbid")
Q = TypeVar("Q", bound=BaseModel)


class Query(BaseModel):
    """Which samples: the filters, which are combined, the order and the place of the page. An empty filter chooses all."""

    model_config = STRICT
    model: Name = ""
    task: Name = ""
    decoder: Name = ""
    outcome: Literal["", "right", "wrong"] = ""
    reason: Name = ""
    text: Annotated[str, Field(max_length=200)] = ""
    order: Literal["", "question", "fast", "slow"] = ""
    offset: Annotated[int, Field(ge=0, le=1 << 40)] = 0


class SampleQuery(BaseModel):
    """Which sample, and whether the law of its right answers is looked at too, which takes longer."""

    model_config = STRICT
    cell: Annotated[str, Field(max_length=64)]
    index: Annotated[int, Field(ge=0, le=1 << 53)]
    law: bool = False


def parse(kind: type[Q], parameters: Mapping[str, str]) -> Q:
    """Read the parameters of an address.

    Raises:
        UserError: one is missing, unknown, too long or no value that it can have.
    """
    try:
        return kind.model_validate(parameters)
    except ValidationError as error:
        name = ".".join(shown(str(part), 40) for part in error.errors()[0]["loc"])
        raise UserError(f"the address has no good '{name}'; its parameters are {', '.join(kind.model_fields)}.") from error

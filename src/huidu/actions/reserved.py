"""Reserved concurrency: what a function has for itself, at least and at most."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from huidu.actions.action import (
    FUNCTION_ERRORS,
    Action,
    NamedFunction,
    Namespace,
    Nothing,
    Wire,
)
from huidu.model.names import DEFAULT_NAMESPACE


class PutReservedConcurrencyConfig(Wire):
    """Keep so much concurrency for a function, and give it no more."""

    function_name: NamedFunction
    reserved_concurrency_mem: Annotated[
        int,
        Meta(
            description="In MB, for all versions together: instances times their MemorySize. 0 "
            "stops the function."
        ),
    ]
    namespace: Namespace = DEFAULT_NAMESPACE


class GetReservedConcurrencyConfig(Wire):
    """See how much concurrency a function has for itself."""

    function_name: NamedFunction
    namespace: Namespace = DEFAULT_NAMESPACE


class ReservedConcurrency(Wire):
    """How much concurrency a function has for itself."""

    reserved_mem: Annotated[
        int | None, Meta(description="In MB; null where nothing is reserved, or limited.")
    ]


class DeleteReservedConcurrencyConfig(Wire):
    """Have a function share what there is with all others again."""

    function_name: NamedFunction
    namespace: Namespace = DEFAULT_NAMESPACE


ACTIONS = (
    Action(
        name="PutReservedConcurrencyConfig",
        summary="Keep concurrency for a function, and limit it to that.",
        request=PutReservedConcurrencyConfig,
        answer=Nothing,
        writes=True,
        errors=(
            *FUNCTION_ERRORS,
            "FailedOperation.ProvisionedExceedReserved",
            "LimitExceeded.FunctionReservedConcurrencyMemory",
        ),
    ),
    Action(
        name="GetReservedConcurrencyConfig",
        summary="See how much concurrency a function has for itself.",
        request=GetReservedConcurrencyConfig,
        answer=ReservedConcurrency,
        errors=FUNCTION_ERRORS,
    ),
    Action(
        name="DeleteReservedConcurrencyConfig",
        summary="Have a function share what there is with all others again.",
        request=DeleteReservedConcurrencyConfig,
        answer=Nothing,
        writes=True,
        errors=FUNCTION_ERRORS,
    ),
)

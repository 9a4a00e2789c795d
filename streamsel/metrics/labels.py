"""Allowed label values: closed lists that bound the number of time series."""

from __future__ import annotations

from collections.abc import Collection
from typing import get_args

from streamsel.decisions import FaultKind

OTHER = "other"

REFUSAL_REASONS = (
    *("corrupt", "black", "uniform", "frozen", "unchanged", "exact-duplicate", "blurred"),
    "invalid-embedding",
    OTHER,
)
FAULTS: tuple[str, ...] = get_args(FaultKind)
SINK_REASONS = ("disk-full", "failed", OTHER)
STAGES = ("embed", "judge", "encode")
PAIR_STATISTICS = ("mean", "min", "max", "p10", "p90")

_REASON_OF_ERROR = {"DiskFullError": "disk-full", "SinkError": "failed"}


def one_of(known: Collection[str], given: str) -> str:
    """Return the value of a label: ``other`` for what is not on the list.

    >>> one_of(STAGES, "embed"), one_of(STAGES, "bad luck")
    ('embed', 'other')
    """
    return given if given in known else OTHER


def sink_reason(given: str) -> str:
    """Return the reason label of a sink failure, from a reason or the name of an error class.

    >>> sink_reason("DiskFullError"), sink_reason("SinkError"), sink_reason("failed")
    ('disk-full', 'failed', 'failed')
    """
    return one_of(SINK_REASONS, _REASON_OF_ERROR.get(given, given))

"""The tables, as SQLAlchemy knows them; the migrations make them."""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    Column,
    Float,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
)

CATALOG = MetaData()
JOURNAL = MetaData()
SERIES = MetaData()


def _function_id() -> Column[str]:
    return Column(
        "function_id", Text, ForeignKey("function.id", ondelete="CASCADE"), primary_key=True
    )


NAMESPACE = Table(
    "namespace",
    CATALOG,
    Column("name", Text, primary_key=True),
    Column("description", Text, nullable=False),
    Column("added_at", Float, nullable=False),
    Column("modified_at", Float, nullable=False),
)

FUNCTION = Table(
    "function",
    CATALOG,
    Column("id", Text, primary_key=True),
    Column("namespace", Text, ForeignKey("namespace.name"), nullable=False),
    Column("name", Text, nullable=False),
    Column("next_number", Integer, nullable=False),
    Column("tags", Text, nullable=False),
    Column("added_at", Float, nullable=False),
    Column("modified_at", Float, nullable=False),
    UniqueConstraint("namespace", "name", name="function_named"),
    Index("function_by_age", "namespace", "added_at", "name"),  # The newest come first in both,
    Index("function_by_change", "namespace", "modified_at", "name"),  # which is not told of here.
)

VERSION = Table(
    "version",
    CATALOG,
    _function_id(),
    Column("number", Text, primary_key=True),
    Column("code_sha256", Text, nullable=False, index=True),
    Column("code_bytes", Integer, nullable=False),
    Column("configuration", Text, nullable=False),
    Column("description", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("status_reason", Text, nullable=False),
    Column("digest", Text, nullable=False),
    Column("added_at", Float, nullable=False),
    Column("modified_at", Float, nullable=False),
)

PROVISION = Table(
    "provision",
    CATALOG,
    Column("function_id", Text, primary_key=True),
    Column("number", Text, primary_key=True),
    Column("wanted", Integer, nullable=False),
    Column("modified_at", Float, nullable=False),
    ForeignKeyConstraint(
        ["function_id", "number"], ["version.function_id", "version.number"], ondelete="CASCADE"
    ),
)

#: How much of the concurrency a function has for itself.
RESERVATION = Table(
    "reservation",
    CATALOG,
    _function_id(),
    Column("mb", Integer, nullable=False),
    Column("modified_at", Float, nullable=False),
)

#: Where it goes on from the asynchronous events of a function.
DESTINATION = Table(
    "destination",
    CATALOG,
    _function_id(),
    Column("side", Text, primary_key=True),
    Column("namespace", Text, nullable=False),
    Column("function", Text, nullable=False),
    Column("qualifier", Text, nullable=False),
    Column("webhook_id", Text, nullable=False),
)

ALIAS = Table(
    "alias",
    CATALOG,
    _function_id(),
    Column("name", Text, primary_key=True),
    Column("body", Text, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("added_at", Float, nullable=False),
    Column("modified_at", Float, nullable=False),
)

HISTORY = Table(
    "alias_history",
    CATALOG,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("function_id", Text, nullable=False),
    Column("namespace", Text, nullable=False),
    Column("function", Text, nullable=False),
    Column("alias", Text, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("at", Float, nullable=False),
    Column("who", Text, nullable=False),
    Column("why", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("before", Text),
    Column("after", Text),
    Column("warning", Text, nullable=False, server_default=""),
    Index("history_of_alias", "function_id", "alias", "number"),
)

TRIGGER = Table(
    "trigger",
    CATALOG,
    _function_id(),
    Column("type", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("qualifier", Text, nullable=False),
    Column("definition", Text, nullable=False),
    Column("custom_argument", Text, nullable=False),
    Column("description", Text, nullable=False),
    Column("enabled", Boolean, nullable=False),
    Column("resource_id", Text, nullable=False),
    Column("added_at", Float, nullable=False),
    Column("modified_at", Float, nullable=False),
    Column("missed", Text, nullable=False, server_default="skip"),
    Column("fired_at", Float, nullable=False, server_default="0"),  #: The last tick of a timer.
)

HAPPENING = Table(
    "happening",
    CATALOG,
    Column("sequence", Integer, primary_key=True, autoincrement=True),
    Column("kind", Text, nullable=False),
    Column("at", Float, nullable=False, index=True),
    Column("namespace", Text, nullable=False),
    Column("function", Text, nullable=False),
    Column("alias", Text, nullable=False),
    Column("version", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("who", Text, nullable=False),
    Column("why", Text, nullable=False),
    Column("before", Text, nullable=False),
    Column("after", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Column("request_id", Text, nullable=False),
    Index("happening_of_function", "namespace", "function", "sequence"),
    Index("happening_of_kind", "kind", "sequence"),
    sqlite_autoincrement=True,  # The number of one that was forgotten is given to no other.
)

WEBHOOK = Table(
    "webhook",
    CATALOG,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("url", Text, nullable=False),
    Column("secret", Text, nullable=False),
    Column("kinds", Text, nullable=False),
    Column("namespace", Text, nullable=False),
    Column("function", Text, nullable=False),
    Column("enabled", Boolean, nullable=False),
    Column("description", Text, nullable=False),
    Column("added_at", Float, nullable=False),
    Column("modified_at", Float, nullable=False),
    Column("failing_since", Float, nullable=False, server_default="0"),
    Column("delivered_at", Float, nullable=False, server_default="0"),
    Column("last_error", Text, nullable=False, server_default=""),
    Column("told_dead", Boolean, nullable=False, server_default="0"),
    UniqueConstraint("name", name="webhook_named"),
)

DELIVERY = Table(
    "delivery",
    CATALOG,
    Column("id", Text, primary_key=True),
    Column("webhook_id", Text, ForeignKey("webhook.id", ondelete="CASCADE"), nullable=False),
    Column(
        "sequence",
        Integer,
        ForeignKey("happening.sequence", ondelete="CASCADE"),
        nullable=False,
        index=True,
    ),
    Column("since", Float, nullable=False),
    Column("state", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("next_at", Float, nullable=False),
    Column("held_until", Float, nullable=False),
    Column("failed_at", Float, nullable=False),
    Column("status", Integer, nullable=False),
    Column("error", Text, nullable=False),
    Index("delivery_in_line", "webhook_id", "state", "sequence"),
)

RECORD = Table(
    "record",
    JOURNAL,
    Column("sequence", Integer, primary_key=True, autoincrement=True),
    Column("request_id", Text, nullable=False),
    Column("namespace", Text, nullable=False),
    Column("function", Text, nullable=False),
    Column("function_id", Text, nullable=False),
    Column("qualifier", Text, nullable=False),
    Column("alias", Text, nullable=False),
    Column("alias_revision", Integer, nullable=False),
    Column("version", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("probability", Float, nullable=False),
    Column("draw", Float),
    Column("phases", Text, nullable=False),
    Column("status", Integer, nullable=False),
    Column("error", Text, nullable=False),
    Column("result", Text, nullable=False),
    Column("log", Text, nullable=False),
    Column("trigger", Text, nullable=False),
    Column("retry_number", Integer, nullable=False),
    Column("root_request_id", Text, nullable=False),
    Column("instance", Text, nullable=False),
    Column("cold", Boolean, nullable=False),
    Column("started_at", Float, nullable=False),
    Column("queue_ms", Float, nullable=False),
    Column("duration_ms", Float, nullable=False),
    Column("memory_bytes", Integer, nullable=False),
    Column("memory_mb", Integer, nullable=False),
    Column("event_bytes", Integer, nullable=False),
    Column("result_bytes", Integer, nullable=False),
    Column("sticky_key", Text, nullable=False, server_default=""),
    Column("init_ms", Float, nullable=False, server_default="0"),
    Column("trace_id", Text, nullable=False, server_default=""),
    Column("span_id", Text, nullable=False, server_default=""),
    Column("parent_span_id", Text, nullable=False, server_default=""),
    Column("sampled", Boolean, nullable=False, server_default="0"),
    Index("record_by_request", "request_id"),
    Index("record_by_function", "function_id", "started_at"),
)

#: Records of calls that took one way, succeeded and printed nothing; sequences from `first` on.
PACK = Table(
    "pack",
    JOURNAL,
    Column("first", Integer, primary_key=True, autoincrement=False),
    Column("count", Integer, nullable=False),
    Column("function_id", Text, nullable=False),
    Column("version", Text, nullable=False),
    Column("alias", Text, nullable=False),
    Column("low_started", Float, nullable=False),
    Column("high_started", Float, nullable=False),
    Column("low_duration", Float, nullable=False),
    Column("high_duration", Float, nullable=False),
    Column("low_memory", Integer, nullable=False),
    Column("high_memory", Integer, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Index("pack_by_end", "function_id", "high_started", "first"),
    Index("pack_by_start", "function_id", "low_started", "first"),
)

#: How the ids of a pack's calls begin, to find a call without reading all that packs say.
MARK = Table(
    "mark",
    JOURNAL,
    Column("first", Integer, primary_key=True, autoincrement=False),
    Column("ids", LargeBinary, nullable=False),
)

#: A way that calls took: what is counted together.
LANE = Table(
    "lane",
    SERIES,
    Column("id", Integer, primary_key=True),
    Column("function_id", Text, nullable=False),
    Column("alias", Text, nullable=False),
    Column("version", Text, nullable=False),
    UniqueConstraint("function_id", "alias", "version", name="one_of_each"),
)

#: What was counted of a lane within a second, a minute or an hour.
PERIOD = Table(
    "period",
    SERIES,
    Column("lane", Integer, primary_key=True),
    Column("length_s", Integer, primary_key=True),
    Column("start", Integer, primary_key=True),
    Column("tally", LargeBinary, nullable=False),
    Index("period_by_start", "length_s", "start"),
    sqlite_with_rowid=False,
)

#: How far seconds are folded into minutes, and minutes into hours: one row.
FOLDED = Table(
    "folded",
    SERIES,
    Column("one", Integer, primary_key=True),
    Column("minute", Integer, nullable=False),
    Column("hour", Integer, nullable=False),
)

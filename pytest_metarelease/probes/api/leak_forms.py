"""The forms of what answers must not hold: traces, paths, SQL, hosts, versions, keys.

Refuses words that are in honest messages too; each form is of something a program wrote for itself.
"""

from __future__ import annotations

import re

_TRACES = (
    r"\bat [\w.<>\[\] $]{1,80} ?\((?:[^()\s]{1,200}):\d+:\d+\)",
    r"(?:\\n|\n) {2,8}at (?:async )?[^\s\"]{1,200}:\d+:\d+",
    r"Traceback \(most recent call last\)",
    r"File \\?\"[^\"\n]{1,200}\\?\", line \d+",
    r"\bat [\w.$]{3,100}\([\w$]{1,60}\.(?:java|kt|scala):\d+\)",
    r"goroutine \d+ \[|\bpanic: ",
)
_PATHS = (
    r"(?<![\w/.:-])/(?:home|root|app|usr|var|opt|srv|workspace|Users)/[\w.@-]+/[\w./@-]+",
    r"(?:node_modules|site-packages|webpack-internal:)/[\w.@/-]+",
    r"\b[A-Z]:\\\\?(?:[\w .-]+\\\\?)+",
)
_SQL = (
    r"\bSELECT\b.{1,200}\bFROM\b",
    r"(?i)\bselect [\w\"`.*, ]{1,100} from [\w\"`.]+ where [\w\"`.]+ ?(?:=|<|>|in\b|like\b)",
    r"(?i)\binsert into [\w\"`.]+ ?\(|\bupdate [\w\"`.]+ set [\w\"`.]+ ?=",
)
_DATABASES = (
    r"(?i)syntax error at or near|unterminated quoted string",
    r"(?i)near \\?\"[^\"]{1,40}\\?\": syntax error",
    r"\bSQLITE_[A-Z]+|\bER_[A-Z_]{4,}|PrismaClient\w+|(?i:invalid `prisma\.)",
    r"(?i)duplicate key value violates|UNIQUE constraint failed",
    r"(?i)violates (?:unique|foreign key|not-null) constraint",
    r"sqlalchemy\.exc|psycopg2?\.errors|MongoServerError|SequelizeDatabaseError|QueryFailedError",
    r"\b(?:SqliteError|PostgresError|DatabaseError|OperationalError|IntegrityError):",
    r"\bno such (?:table|column): ",
)
_PROGRAMS = (
    r"Cannot (?:read|set|destructure) propert(?:y|ies) .{0,60}\b(?:undefined|null)\b",
    r"\b[\w.$]{1,60} is not (?:a function|iterable|a constructor)\b",
    r"\b(?:TypeError|ReferenceError|RangeError|AttributeError|NullPointerException): ",
)
_VERSIONS = (
    r"\bversion=[a-z-]+/\d+\.\d+\.\d+",
    r"\b(?:ethers|viem|web3|axios|next|express|hardhat|openzeppelin)[@/]v?\d+\.\d+\.\d+",
)
_HOSTS = (
    r"(?<![\d.])(?:10\.\d+|192\.168|172\.(?:1[6-9]|2\d|3[01])|127\.0)(?:\.\d{1,3}){2}(?::\d+)?(?![\d.])",
    r"(?i)\b(?:localhost|[\w-]+\.(?:internal|local|svc\.cluster\.local)):\d{2,5}\b",
    r"\b(?:postgres(?:ql)?|mysql|mongodb(?:\+srv)?|redis|amqp)://[^\s\"']+",
)
TRACES: tuple[re.Pattern[str], ...] = tuple(map(re.compile, _TRACES))
"""Stack traces, as the usual languages write them."""

FORMS: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (name, re.compile(pattern))
    for name, patterns in (
        ("a stack trace", _TRACES),
        ("a file path", _PATHS),
        ("SQL", _SQL),
        ("a database error", _DATABASES),
        ("a program's error", _PROGRAMS),
        ("a library and its version", _VERSIONS),
        ("a private address", _HOSTS),
        ("a system's error", (r"\bECONNREFUSED\b|\bENOTFOUND\b|\bENOENT\b|\bEACCES\b",)),
        ("a call's data", (r"0x[0-9a-fA-F]{8}(?:[0-9a-fA-F]{64}){2,}",)),
        (
            "an environment variable",
            (r"process\.env\.\w+|\b[A-Z]{2,}_(?:PRIVATE_KEY|SECRET|PASSWORD|TOKEN)\b",),
        ),
        ("a key", (r"-----BEGIN [A-Z ]*PRIVATE KEY-----",)),
    )
    for pattern in patterns
)
"""What is found, in words, and its form."""

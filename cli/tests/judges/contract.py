"""The fields that scripts rely on, of each document: name, types, and the words of those that have a fixed set.

A table of its own, so that a field which changes in the output and in its schema at once is noticed.
"""

import re
from datetime import datetime

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$")


def text(value):
    return isinstance(value, str)


def integer(value):
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def boolean(value):
    return isinstance(value, bool)


def percent(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value <= 100


def time(value):
    return text(value) and bool(TIME.match(value)) and datetime.fromisoformat(value) is not None


def one_of(*words):
    def check(value):
        return value in words

    check.words = words
    return check


def or_null(check):
    def nullable(value):
        return value is None or check(value)

    nullable.words = getattr(check, "words", ())
    return nullable


def document(name):
    def check(value):
        check.problems = list(problems(name, value))
        return not check.problems

    return check


def array(check):
    def items(value):
        return isinstance(value, list) and all(check(item) for item in value)

    return items


STATES = ("queued", "running", "finished", "failed", "cancelled", "unrecognised")
OUTCOMES = ("succeeded", "partial", "failed", "cancelled", "unknown")
ROW_OUTCOMES = ("succeeded", "failed", "unaccounted")
DRIFT_KINDS = ("unknown_field", "unknown_value", "type_mismatch", "missing_field")
PHASES = ("submitting", "open", "ended", "gave_up")
LEVELS = ("error", "warning")
KINDS = (
    "usage", "configuration", "authentication", "permission", "not_found", "conflict", "invalid_request", "rate_limited",
    "unavailable", "decode", "deadline", "unreachable", "outcome_unknown", "interrupted", "unsafe_redirect", "too_large",
)
PROVIDERS = ("killb", "reap", "cdq", "localpayment")

FIELDS = {
    "batch": {
        "provider": one_of(*PROVIDERS),
        "id": text,
        "key": or_null(text),
        "submitted_at": or_null(time),
        "environment": or_null(text),
    },
    "result": {
        "batch": document("batch"),
        "state": one_of(*STATES),
        "outcome": or_null(one_of(*OUTCOMES)),
        "provider_status": text,
        "progress": document("progress"),
        "message": or_null(text),
        "polls": integer,
        "elapsed_ms": integer,
        "drift": array(document("drift")),
        "count_mismatches": array(document("count_mismatch")),
    },
    # The result of `run`.
    "result_with_rows": {
        "rows": array(document("row")),
        "unexpected": array(text),
    },
    "progress": {
        "total": or_null(integer),
        "processed": or_null(integer),
        "succeeded": or_null(integer),
        "failed": or_null(integer),
        "unaccounted": or_null(integer),
        "percent": or_null(percent),
    },
    "drift": {
        "pointer": text,
        "kind": one_of(*DRIFT_KINDS),
        "expected": text,
        "found": text,
        "count": integer,
    },
    "count_mismatch": {"field": text, "reported": integer, "listed": integer},
    "row": {
        "index": or_null(integer),
        "reference": or_null(text),
        "outcome": one_of(*ROW_OUTCOMES),
        "account_id": or_null(text),
        "reason": or_null(text),
    },
    "check": {
        "provider": one_of(*PROVIDERS),
        "file": text,
        "rows": integer,
        "findings": array(document("finding")),
    },
    "finding": {
        "row": or_null(integer),
        "column": or_null(text),
        "level": one_of(*LEVELS),
        "rule": text,
        "reason": text,
    },
    "listed": {
        "batch": document("listed_batch"),
        "phase": one_of(*PHASES),
        "outcome": or_null(one_of(*OUTCOMES)),
        "provider_status": or_null(text),
        "file": or_null(text),
        "age_ms": or_null(integer),
        "advice": text,
    },
    # The id is null while only a key or a file is known.
    "listed_batch": {
        "provider": one_of(*PROVIDERS),
        "id": or_null(text),
        "key": or_null(text),
        "submitted_at": or_null(time),
        "environment": or_null(text),
    },
    "error": {
        "error": document("error_body"),
        "batch": or_null(document("batch")),
        "last": or_null(document("result")),
        "polls": integer,
    },
    "error_body": {
        "kind": one_of(*KINDS),
        "message": text,
        "provider": or_null(text),
        "http_status": or_null(integer),
        "code": or_null(text),
        "parameter": or_null(text),
        "request_id": or_null(text),
        "retryable": boolean,
        "retry_after_ms": or_null(integer),
    },
}

# Exit code of each kind of error; 1 for the others.
EXIT_CODES = {
    "usage": 2, "configuration": 2, "deadline": 5, "authentication": 6, "permission": 6, "not_found": 7, "unavailable": 8,
    "rate_limited": 8, "unreachable": 8, "outcome_unknown": 9, "interrupted": 130,
}

# Exit code of each outcome of a batch.
OUTCOME_CODES = {None: 0, "succeeded": 0, "partial": 3, "failed": 4, "cancelled": 4, "unknown": 4}


def problems(name, value):
    """Returns what a document does not have as the table says, a text for each."""
    if not isinstance(value, dict):
        yield f"{name} is not an object"
        return
    for field, check in FIELDS[name].items():
        if field not in value:
            yield f"{name} has no field {field}"
        elif not check(value[field]):
            inner = "; ".join(getattr(check, "problems", []))
            yield f"{name}.{field} is {str(value[field])[:100]!r}{f' ({inner})' if inner else ''}"


def problems_of(schema, value):
    """Returns the problems of a document of one of the schemas of `bulkrail schema`."""
    names = {"list": "listed", "rows": "row"}
    if schema in names:
        if not isinstance(value, list):
            return [f"{schema} is not an array"]
        return [problem for item in value for problem in problems(names[schema], item)]
    return list(problems(schema, value)) if schema in FIELDS else []


def seen_words(value, seen):
    """Adds the words of fields with a fixed set of words to `seen`, by the set that they are of."""
    if isinstance(value, list):
        for item in value:
            seen_words(item, seen)
    elif isinstance(value, dict):
        for field, sets in (
            ("state", (STATES,)), ("outcome", (OUTCOMES, ROW_OUTCOMES)), ("kind", (KINDS, DRIFT_KINDS)), ("phase", (PHASES,)),
            ("level", (LEVELS,)),
        ):
            if text(value.get(field)):
                is_row = "account_id" in value
                for words in sets:
                    if value[field] in words and (field != "outcome" or is_row == (words is ROW_OUTCOMES)):
                        seen.setdefault(words, set()).add(value[field])
        for item in value.values():
            seen_words(item, seen)

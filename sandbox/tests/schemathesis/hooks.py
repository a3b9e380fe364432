"""Hooks of schemathesis: credentials, uploaded files, and a record of every finding.

The environment has JUDGE_SETUP, the path of a JSON file that judge.py writes.
"""

import atexit
import copy
import json
import os
import re
from collections import Counter
from pathlib import Path

import requests
import schemathesis
from hypothesis import strategies as st
from schemathesis.generation.meta import TestPhase

import completions
import files

SETUP = json.loads(Path(os.environ["JUDGE_SETUP"]).read_text())
ACCEPTED = SETUP["accepted"]

# Text of a response or a message that is kept for the report.
EXCERPT = 300

numbers = Counter()
completed = {}
statuses = {}
findings = {}
matches = Counter()


@schemathesis.auth(refresh_interval=120)
class Credentials:
    """The key of a provider, or a bearer token of a real login."""

    def get(self, case, context):
        login = SETUP.get("login")
        if login is None:
            return SETUP["header"]
        response = requests.post(SETUP["url"] + login["path"], json=login["body"], timeout=10)
        response.raise_for_status()
        return ["Authorization", "Bearer " + response.json()[login["token"]]]

    def set(self, case, data, context):
        name, value = data
        case.headers = case.headers or {}
        case.headers[name] = value


for media_type, valid, invalid in files.MEDIA_TYPES:
    schemathesis.openapi.media_type(media_type, st.one_of(st.sampled_from(valid), st.sampled_from(invalid)))


@schemathesis.hook
def before_call(context, case, kwargs):
    """Completes valid requests by the rules that a provider has in words only: they must be accepted.

    Every second one, and each where calls follow each other: there hypothesis gives up if the same data, replayed with another
    state, has another outcome.
    """
    operation = case.operation.definition.raw["operationId"]
    if case.meta is None or case.meta.generation.mode.is_negative or not isinstance(case.body, dict):
        return
    valid_files = completions.FILES.get((SETUP["provider"], operation), [])
    complete = completions.OF.get((SETUP["provider"], operation))
    if any(case.body == {"file": file} for file in valid_files):
        completed[case.id] = operation
    elif complete:
        numbers[operation] += 1
        if numbers[operation] % 2 == 0 or case.meta.phase.name == TestPhase.STATEFUL:
            body = copy.deepcopy(case.body)
            complete(body, numbers[operation])
            case.body = body
            completed[case.id] = operation


@schemathesis.hook
def after_call(context, case, response):
    operation = case.operation.definition.raw["operationId"]
    statuses.setdefault(operation, Counter())[str(response.status_code)] += 1


@schemathesis.hook
def filter_failure(context, failure, case, response):
    operation = case.operation.definition.raw["operationId"]
    finding = {
        "operation": operation,
        "check": failure.checks[0] if failure.checks else type(failure).__name__,
        "status": response.status_code,
        "message": f"{failure.title}: {failure.message}",
        "response": response.content.decode(errors="replace"),
    }
    accepted = [index for index, entry in enumerate(ACCEPTED) if covers(entry, finding)]
    is_rejection = finding["check"] == "positive_data_acceptance"
    if accepted and not (is_rejection and case.id in completed):
        matches[accepted[0]] += 1
        return False
    # Ids and times differ in each response.
    response_kind = re.sub(r"[0-9a-f-]{36}|[0-9]+", "", finding["response"])[:EXCERPT]
    key = (operation, finding["check"], finding["status"], failure.title, response_kind)
    known = findings.setdefault(key, {**finding, "count": 0, "request": case.as_curl_command()})
    known["count"] += 1
    return True


def covers(entry, finding):
    return (
        entry["operation"] in (finding["operation"], "*")
        and entry["check"] == finding["check"]
        and entry["status"] == finding["status"]
        and all(re.search(entry[key], finding[key]) for key in ("message", "response") if key in entry)
    )


@atexit.register
def report():
    found = [{**finding, "response": finding["response"][:EXCERPT]} for finding in findings.values()]
    report = {"statuses": statuses, "findings": found, "matches": matches}
    report["completed"] = Counter(completed.values())
    Path(SETUP["report"]).write_text(json.dumps(report, indent=1))

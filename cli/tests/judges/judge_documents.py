"""Collects the JSON that every command prints, and judges it: by the table in contract.py, by the rules for standard output and
standard error, and by the schemas of `bulkrail schema` (validate.mjs).

The documents come from a sandbox, without and with faults, and from a server that sends what a sandbox does not.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import command
from command import PROVIDERS, QUICK, Bulkrail, Sandbox
from contract import (
    DRIFT_KINDS, EXIT_CODES, KINDS, LEVELS, OUTCOME_CODES, OUTCOMES, PHASES, ROW_OUTCOMES, STATES, problems_of,
    seen_words,
)

# Fields that a document may leave out, by the schema that has them. Every other field is required.
OPTIONAL = {
    "Report": {"rows", "unexpected", "reference_mismatches", "duplicates", "warnings"},
    "Finding": {"sheet", "value"},
}


class Scripted:
    """Server whose responses are made by a function of method, path and body. `requests` counts them."""

    def __init__(self, respond):
        outer = self
        self.requests = 0

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def log_message(self, *_):
                pass

            def answer(self):
                body = self.rfile.read(int(self.headers["content-length"] or 0))
                outer.requests += 1
                response = respond(self.command, self.path, body)
                if response is None:
                    # The connection is closed without a response.
                    self.close_connection = True
                    return
                status, content, *headers = response
                if not isinstance(content, bytes):
                    content, headers = json.dumps(content).encode(), [("Content-Type", "application/json"), *headers]
                self.send_response_only(status)
                for name, value in headers:
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                try:
                    self.wfile.write(content)
                except OSError:
                    # The client has stopped reading.
                    self.close_connection = True

            do_GET = do_POST = answer

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}"


class Judge:
    """Runs commands, and keeps the documents that they print."""

    def __init__(self, program, variables):
        self.program, self.variables = program, variables
        self.bulkrail = Bulkrail(program, variables)
        self.documents, self.failures, self.seen, self.commands = [], [], {}, 0

    def fail(self, run, reason):
        self.failures.append(f"{reason}\n  {str(run)[:1_500]}")

    def keep(self, run, schema, document):
        for problem in problems_of(schema, document):
            self.fail(run, f"not as the contract says: {problem}")
        seen_words(document, self.seen)
        line = {"schema": schema, "command": f"bulkrail {' '.join(run.args)}", "document": document}
        self.documents.append(line)

    def parsed(self, run, stream, count=None):
        """Returns the documents of a stream, which must be lines of JSON and nothing else."""
        name, output = stream, getattr(run, stream)
        lines = output.splitlines()
        if output and not output.endswith("\n"):
            self.fail(run, f"{name} does not end with a line break")
        if count is not None and len(lines) != count:
            self.fail(run, f"{name} has {len(lines)} lines instead of {count}")
        documents = []
        for line in lines:
            try:
                documents.append(json.loads(line))
            except ValueError:
                self.fail(run, f"{name} has a line that is not JSON: {line[:200]}")
        return documents

    def run(self, *args, bulkrail=None, **variables):
        self.commands += 1
        return (bulkrail or self.bulkrail).run(*args, **variables)

    def code(self, run, expected):
        if run.code != expected:
            self.fail(run, f"exit code {run.code} instead of {expected}")

    def one(self, schema, *args, code=0, notes=False, **variables):
        """Expects one document on standard output, and on standard error nothing, or with `notes` a text. Returns it."""
        run = self.run(*args, **variables)
        documents = self.parsed(run, "stdout", 1)
        if not notes:
            self.nothing(run, "stderr")
        elif not run.stderr or "{" in run.stderr:
            self.fail(run, "stderr has no note, or a document")
        for document in documents:
            self.keep(run, schema, document)
        if schema == "result" and documents and code is not None:
            code = OUTCOME_CODES.get(documents[0].get("outcome"), 1)
        if code is not None:
            self.code(run, code)
        return documents[0] if documents else None

    def nothing(self, run, stream):
        if getattr(run, stream):
            self.fail(run, f"{stream} is not empty")

    def many(self, *args, code=None, **variables):
        """Expects an array of result and error documents, one for each batch."""
        run = self.run(*args, **variables)
        documents = self.parsed(run, "stdout", 1)
        self.nothing(run, "stderr")
        for document in documents[0] if documents else []:
            self.keep(run, "error" if "error" in document else "result", document)
        if not documents or not isinstance(documents[0], list):
            self.fail(run, "standard output has no array")
        if code is not None:
            self.code(run, code)
        return documents[0] if documents else []

    def lines(self, schema, *args, code=None, **variables):
        """Expects a document on each line."""
        run = self.run(*args, **variables)
        documents = self.parsed(run, "stdout")
        self.nothing(run, "stderr")
        if not documents:
            self.fail(run, "standard output is empty")
        for document in documents:
            is_error = schema == "result" and "error" in document
            # A line of rows is an item of the array.
            self.keep(run, "error" if is_error else schema, [document] if schema == "rows" else document)
        if code is not None:
            self.code(run, code)
        return documents

    def error(self, kind, *args, batch=False, results=False, **variables):
        """Expects one error document on standard error; on standard output the batch with `batch`, else nothing."""
        return self.error_of(self.run(*args, **variables), kind, batch, results)

    def error_of(self, run, kind, batch=False, results=False):
        errors = self.parsed(run, "stderr", 1)
        printed = self.parsed(run, "stdout", None if results else int(batch))
        for document in errors:
            self.keep(run, "error", document)
            if (found := document.get("error", {}).get("kind")) != kind:
                self.fail(run, f"the kind of the error is {found} instead of {kind}")
        if results:
            for document in printed[:-1] if batch else printed:
                self.keep(run, "result", document)
        if batch and printed:
            self.keep(run, "batch", printed[-1])
            if errors and errors[0]["batch"] != printed[-1]:
                self.fail(run, "the batch of the error is not the one that is printed")
        self.code(run, EXIT_CODES.get(kind, 1))
        return errors[0] if errors else None

    def interrupted(self, kind, server, *args, **options):
        """Interrupts a command once the server has got a request."""
        before = server.requests
        process = self.bulkrail.start(*args)
        while server.requests == before and process.poll() is None:
            time.sleep(0.01)
        time.sleep(0.2)
        process.send_signal(signal.SIGINT)
        self.commands += 1
        return self.error_of(self.bulkrail.finish(process, args), kind, **options)


def killb_body(status, total=3, processed=3, succeeded=3, failed=0, results=()):
    return {
        "jobId": "b-1", "status": status, "totalRows": total, "processedRows": processed, "successCount": succeeded,
        "errorCount": failed, "results": list(results), "createdAt": "2026-04-23T00:38:08.439Z",
        "updatedAt": "2026-04-23T00:38:08.439Z",
    }


def killb_row(number, status="SUCCESS", reference=None, error=None):
    row = {
        "rowNumber": number, "status": status, "sheetName": "Sheet1",
        "originalRowData": {"rowNumber": number, "entityType": "PERSON", "externalId": reference or f"person-{number - 1}"},
    }
    return {**row, **({"accountId": f"a-{number}"} if status == "SUCCESS" else {"error": error or "refused"})}


def cdq_body(status, progress="77"):
    return {"id": "b-1", "createdAt": "2025-08-29T09:46:42Z", "user": "u", "progress": progress, "status": status}


def always(*response):
    return Scripted(lambda *_: response)


def collect_from_sandbox(judge, path):
    """Every command at a sandbox without faults, for every provider."""
    people = command.killb_rows(path("people.csv"), 40)
    references = [f"00000000-0000-4000-8000-{number:012}" for number in range(30)]
    files = {
        "killb": (people,),
        "reap": (command.reap_rows(path("import.csv"), references), "--key", "import-1"),
        "cdq": ("--storage-id", "72d6900fce6b326088f5d9d91049e3e6"),
        "localpayment": (
            command.localpayment_rows(path("virtual.csv"), 40), "--account-number", "484.484.00000011", "--country", "MEX",
        ),
    }
    batches = {}
    for provider, arguments in files.items():
        batch = judge.one("batch", "submit", provider, *arguments, "--json")
        batches[provider] = batch
        judge.one("result", "status", provider, batch["id"], "--json")
        judge.lines("result", "wait", provider, batch["id"], "--jsonl", *QUICK)
        saved = path(f"{provider}.json")
        with open(saved, "w", encoding="utf-8") as file:
            json.dump(batch, file)
        judge.one("result", "wait", "--batch", saved, "--json", *QUICK)
        if provider == "cdq":
            judge.error("usage", "rows", provider, batch["id"], "--json")
            continue
        submitted = ("--submitted", arguments[0])
        for options in ((), ("--failed",)):
            # What is left out is noted.
            notes = bool(options) and provider == "localpayment"
            judge.one("rows", "rows", provider, batch["id"], *submitted, "--json", *options, notes=notes)
            judge.one("rows", "rows", provider, batch["id"], *submitted, "--format", "json", *options, notes=notes)
        judge.lines("rows", "rows", provider, batch["id"], *submitted, "--format", "jsonl")
    judge.lines("rows", "rows", "killb", batches["killb"]["id"], "--format", "jsonl")
    judge.one("rows", "rows", "localpayment", batches["localpayment"]["id"], "--json", notes=True)
    judge.error("usage", "rows", "reap", batches["reap"]["id"], "--json")

    # `run`, also of several batches, of rows that all succeed, and of the next file.
    judge.one("result", "run", "killb", command.killb_rows(path("three.csv"), 3), "--json", *QUICK)
    judge.one("result", "run", "reap", files["reap"][0], "--json", *QUICK)
    judge.one("result", "run", *["cdq", *files["cdq"]], "--json", *QUICK)
    judge.one("result", "run", "localpayment", *files["localpayment"], "--json", *QUICK)
    judge.run("retry", "killb", batches["killb"]["id"], "--submitted", people, "--out", path("next.csv"), expect=0)
    judge.one("result", "run", "killb", path("next.csv"), "--json", *QUICK)
    many = (command.localpayment_rows(path("many.csv"), 5_012), *files["localpayment"][1:])
    judge.many("run", "localpayment", *many, "--json", *QUICK)
    # References that are not UUIDs are sent with a warning.
    warned = command.reap_rows(path("warned.csv"), ["a", "b"])
    result = judge.one("result", "run", "reap", warned, "--json", *QUICK)
    if not result or not result.get("warnings"):
        judge.failures.append("the result of a run has no warnings")
    judge.one("batch", "submit", "reap", warned, "--json", notes=True)
    judge.lines("batch", "submit", "localpayment", *many, "--json", code=0)

    # A file of several batches, one of which does not exist.
    several = path("several.jsonl")
    missing = {"provider": "cdq", "id": "no-such-job"}
    with open(several, "w", encoding="utf-8") as file:
        file.writelines(f"{json.dumps(batch)}\n" for batch in [*batches.values(), missing])
    judge.many("wait", "--batch", several, "--json", *QUICK, code=7)
    judge.lines("result", "wait", "--batch", several, "--jsonl", *QUICK, code=7)

    judge.one("list", "list", "--json")
    judge.one("list", "list", "--open", "--json")
    judge.many("resume", "--json", *QUICK)
    judge.many("resume", "--json", *QUICK, code=0)
    judge.bulkrail.run("submit", "cdq", *files["cdq"], expect=0)
    judge.lines("result", "resume", "--jsonl", *QUICK, code=0)
    judge.one("list", "list", "--json", XDG_STATE_HOME=path("empty"))

    # `forget` prints no document; the list after it is one.
    judge.run("forget", batches["killb"]["id"], expect=0)
    judge.one("list", "list", "--json")
    user = "a1b2c3d4-0000-4000-8000-000000000000"
    judge.one("compare", "compare", "killb", people, "--user", user, "--json", code=3)
    demo = judge.run("demo", "--json", "--speed", "60")
    for document in (judge.parsed(demo, "stdout", 1) or [[]])[0]:
        judge.keep(demo, "result", document)
    judge.nothing(demo, "stderr")

    # Errors that the sandbox sends.
    judge.error("not_found", "status", "killb", "00000000-0000-4000-8000-000000000000", "--json")
    judge.error("not_found", "wait", "reap", "00000000-0000-4000-8000-000000000000", "--json", *QUICK)
    judge.error("authentication", "status", "cdq", batches["cdq"]["id"], "--json", CDQ_API_KEY="wrong")
    judge.error("authentication", "status", "killb", batches["killb"]["id"], "--json", KILLB_PASSWORD="wrong")
    judge.error("conflict", "submit", "reap", files["reap"][0], "--key", "import-1", "--json")
    judge.error("configuration", "status", "reap", "b-1", "--json", REAP_API_KEY=None)
    judge.error("configuration", "status", "reap", "b-1", "--json", "--profile", "none")
    return batches


def collect_checks(judge, path):
    people = command.killb_rows(path("clean.csv"), 3)
    judge.one("check", "check", "killb", people, "--json")
    wrong = command.write_csv(path("wrong.csv"), ("externalId", "accountType", "clabe", "other"), [
        ("a", "SPEI", "012345678901234567", "x"), ("a", "SPEI", "", "")
    ])
    judge.one("check", "check", "killb", wrong, "--json", code=3)
    judge.one("check", "check", "reap", command.reap_rows(path("plain.csv"), ["a", "b"]), "--json", "--show-values", code=3)
    judge.one("check", "check", "cdq", command.cdq_rows(path("cdq.csv")), "--json", code=None)
    judge.one("check", "check", "localpayment", command.localpayment_rows(path("few.csv"), 3), "--json", code=3)
    judge.error("usage", "check", "killb", path("missing.csv"), "--json")
    judge.error("usage", "submit", "killb", wrong, "--json")
    judge.error("usage", "submit", "cdq", "--json")


def collect_specs(judge, path):
    pages = os.path.join("specs", "pages")
    judge.one("specs_diff", "specs", "diff", "killb", os.path.join(pages, "killb", "bulk-status.txt"), "--json")
    for provider in PROVIDERS:
        for page in sorted(os.listdir(os.path.join(pages, provider))):
            judge.one("specs_diff", "specs", "diff", provider, os.path.join(pages, provider, page), "--json")
    # The page of another provider.
    other = os.path.join(pages, "killb", "create-account.txt")
    judge.one("specs_diff", "specs", "diff", "reap", other, "--json", code=3)
    # A spec that has moved on.
    with open("specs/reap.yaml", encoding="utf-8") as file:
        spec = file.read()
    with open(path("reap.yaml"), "w", encoding="utf-8") as file:
        file.write(spec.replace("        totalRecords:", "        recordCount:").replace("- totalRecords", "- recordCount"))
    page = os.path.join(pages, "reap", "batch-status.txt")
    judge.one("specs_diff", "specs", "diff", "reap", page, "--spec", path("reap.yaml"), "--json", code=3)
    judge.error("usage", "specs", "diff", "reap", path("missing.txt"), "--json")


def collect_from_scripted_servers(judge, path):
    """What a sandbox does not send: other states and outcomes, contradictions, and broken responses."""
    def status(provider, body, code=0):
        server = always(200, body)
        return judge.one("result", "status", provider, "b-1", "--json", "--base-url", server.url, code=code, **token)

    token = {"KILLB_ACCESS_TOKEN": "token", "KILLB_EMAIL": None, "KILLB_PASSWORD": None}

    for word in ("CREATED", "RUNNING", "FINISHED", "FAILED", "CANCELED", "ARCHIVED", "UNKNOWN", "PAUSED", "running"):
        status("cdq", cdq_body(word))
    status("cdq", {**cdq_body("RUNNING"), "progress": True, "more": 1, "user": 7})
    status("cdq", {"id": "b-1", "status": "RUNNING"})
    for counts in ((3, 3, 3, 0), (3, 3, 2, 1), (3, 3, 0, 3), (3, 2, 1, 0), (3, 9, 7, 7)):
        status("killb", killb_body("COMPLETED", *counts))
    status("killb", {**killb_body("FAILED", 0, 0, 0, 0), "error": "the file has no rows"})
    status("killb", {**killb_body("PROCESSING"), "processedRows": "2", "successCount": None})
    status("killb", {"jobId": "b-1", "status": "PROCESSING"})

    # Rows that contradict the counts, and rows that were not submitted, twice and with another reference.
    file = command.killb_rows(path("scripted.csv"), 3)
    rows = [
        killb_row(2), killb_row(2), killb_row(3, reference="PERSON-2 "), killb_row(4, "ERROR"), killb_row(9, reference="x"),
    ]
    finished = killb_body("COMPLETED", 3, 3, 3, 0, rows)

    def job(body):
        def respond(method, target, _):
            if method == "POST" and target.endswith("/upload"):
                return 201, {"jobId": "b-1", "status": "PENDING", "message": "m"}
            return 200, body

        return Scripted(respond)

    complete = killb_body("COMPLETED", 3, 3, 3, 0, [killb_row(2), killb_row(3), killb_row(4)])
    for body, notes in ((finished, True), (complete, False)):
        server = job(body)
        judge.one("result", "run", "killb", file, "--json", "--base-url", server.url, *QUICK, **token)
        rows = ("rows", "killb", "b-1", "--submitted", file, "--json", "--base-url", server.url)
        judge.one("rows", *rows, notes=notes, **token)

    # The accounts that exist: one, two for a row, and none.
    account = {
        "id": "a-1", "userId": "u-1", "type": "PSE", "status": "ACTIVE", "data": {}, "externalId": "person-1",
        "complianceUrl": "https://example.com", "createdAt": "2026-04-23T00:38:08Z", "updatedAt": "",
    }
    accounts = [
        account, {**account, "id": "a-2"}, {**account, "id": "a-3", "externalId": "person-2", "createdAt": "yesterday"}
    ]
    compare = ("compare", "killb", file, "--user", "u-1", "--json", "--base-url")
    judge.one("compare", *compare, always(200, accounts).url, code=3, **token)
    one_each = [{**account, "id": f"a-{n}", "externalId": f"person-{n}"} for n in (1, 2, 3)]
    judge.one("compare", *compare, always(200, one_each).url, **token)

    # Errors. Each kind is expected below or at the sandbox.
    error = {"errorCode": "ACC.0001", "message": ["refused"], "statusCode": "400"}
    at = ("--json", "--base-url")
    for kind, response in (
        ("permission", (403, error)),
        ("invalid_request", (400, error)),
        ("invalid_request", (422, error, ("X-Request-Id", "r-1"))),
        ("rate_limited", (429, error, ("Retry-After", "7"))),
        ("unavailable", (503, b"<html>", ("Retry-After", "Wed, 21 Oct 2065 07:28:00 GMT"))),
        ("decode", (200, b"<html>a login page</html>", ("Content-Type", "text/html"))),
        ("decode", (200, b'{"jobId": "b-1", ')),
        ("unsafe_redirect", (302, b"", ("Location", "https://example.com/"))),
    ):
        judge.error(kind, "status", "killb", "b-1", *at, always(*response).url, **token)
    # More than is held of a response in memory: 128 MiB.
    large = json.dumps({**cdq_body("RUNNING"), "user": "u" * (129 << 20)}).encode()
    judge.error("too_large", "status", "cdq", "b-1", *at, always(200, large).url)

    gone = Scripted(lambda *_: None)
    judge.error("unavailable", "status", "cdq", "b-1", *at, gone.url)
    judge.error("unreachable", "wait", "cdq", "b-1", "--deadline", "300ms", *QUICK, *at, gone.url)
    judge.error("outcome_unknown", "submit", "killb", file, *at, gone.url, **token)
    judge.error("outcome_unknown", "submit", "cdq", "--storage-id", "s-1", *at, gone.url)

    running = always(200, killb_body("PROCESSING", 9, 3, 3, 0))
    wait = ("wait", "killb", "b-1", "--deadline", "400ms", *QUICK, "--base-url", running.url)
    judge.error("deadline", *wait, "--json", batch=True, **token)
    judge.error("deadline", *wait, "--jsonl", batch=True, results=True, **token)
    unknown = always(200, cdq_body("PAUSED"))
    judge.error("deadline", "wait", "cdq", "b-1", "--deadline", "300ms", *QUICK, *at, unknown.url, batch=True)
    submitted = job(killb_body("PROCESSING", 3, 1, 1, 0))
    run = ("run", "killb", file, "--deadline", "400ms", *QUICK, *at, submitted.url)
    judge.error("deadline", *run, batch=True, **token)

    # Two batches of one file: an array of batch documents.
    def in_progress(method, target, body):
        external_id = json.loads(body)["externalId"] if method == "POST" else target.strip("/").split("/")[-1]
        status = {"code": "100", "description": "INPROGRESS", "detail": "d"}
        return 201 if method == "POST" else 200, {"externalId": external_id, "internalId": "i", "status": status}

    server = Scripted(in_progress)
    many = ("run", "localpayment", path("many.csv"), "--account-number", "484.484.00000011", "--country", "MEX")
    by_token = {"LOCALPAYMENT_ACCESS_TOKEN": "token", "LOCALPAYMENT_USERNAME": None, "LOCALPAYMENT_PASSWORD": None}
    run = judge.run(*many, "--deadline", "400ms", *QUICK, *at, server.url, **by_token)
    arrays = judge.parsed(run, "stdout", 1)
    if len(arrays[0] if arrays else []) != 2:
        judge.fail(run, "there are not two batches")
    for document in arrays[0] if arrays else []:
        judge.keep(run, "batch", document)
    for document in judge.parsed(run, "stderr", 1):
        judge.keep(run, "error", document)
    judge.code(run, EXIT_CODES["deadline"])

    slow = always(200, cdq_body("RUNNING"))
    judge.interrupted("interrupted", slow, "wait", "cdq", "b-1", *QUICK, *at, slow.url, batch=True)
    judge.interrupted(
        "interrupted", slow, "wait", "cdq", "b-1", "--jsonl", *QUICK, "--base-url", slow.url, batch=True, results=True
    )

    # What was begun here and has not been seen to end.
    judge.one("list", "list", "--json")
    judge.one("list", "list", "--open", "--json")

    # Usage, before anything is sent.
    judge.error("usage", "wait", "nobody", "b-1", "--json")
    judge.error("usage", "status", "--json")
    judge.error("usage", "rows", "killb", "b-1", "--format", "json", "--unknown")
    judge.error("usage", "run", "killb", file, "--key", "k", *at, gone.url)
    judge.error("configuration", "wait", "killb", "b-1", "--json", "--base-url", "http://example.com")
    judge.error("usage", "compare", "reap", file, "--user", "u", "--json")


def collect_from_faulty_sandboxes(judge, path):
    for faults in ("drift", "flaky"):
        with Sandbox(judge.program, "--seed", "4", "--speed", "30", "--faults", faults) as sandbox:
            bulkrail = Bulkrail(judge.program, sandbox.variables)
            for provider, arguments in {
                "killb": (path("people.csv"),),
                "reap": (path("import.csv"),),
                "cdq": ("--storage-id", "72d6900fce6b326088f5d9d91049e3e6"),
                "localpayment": (path("virtual.csv"), "--account-number", "484.484.00000011", "--country", "MEX"),
            }.items():
                run = judge.run("run", provider, *arguments, "--json", *QUICK, bulkrail=bulkrail)
                # A submit may be lost; then there is an error, else a result.
                if run.code in (0, 3, 4):
                    judge.keep(run, "result", judge.parsed(run, "stdout", 1)[0])
                    judge.nothing(run, "stderr")
                else:
                    judge.keep(run, "error", judge.parsed(run, "stderr", 1)[0])


def optional_fields(schema, name="root", definitions=None):
    """Returns the fields of objects that are not required, as pairs of the object's title and the field."""
    found = []
    title = schema.get("title", name) if isinstance(schema, dict) else name
    if isinstance(schema, dict):
        for field in sorted(set(schema.get("properties", {})) - set(schema.get("required", []))):
            found.append((title, field))
        if schema.get("type") == "object" and not schema.get("properties"):
            found.append((title, "every field: it has no properties"))
        for key, value in schema.items():
            children = value.items() if key in ("$defs", "properties") else [(name, value)]
            for child, one in children:
                for item in one if isinstance(one, list) else [one]:
                    found += optional_fields(item, child)
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bulkrail", required=True)
    parser.add_argument("--work", required=True)
    parser.add_argument("--modules", required=True, help="directory in which npm has installed Ajv")
    options = parser.parse_args()

    def path(name):
        return os.path.join(options.work, name)

    started = time.monotonic()
    with Sandbox(options.bulkrail, "--seed", "4", "--speed", "60") as sandbox:
        judge = Judge(options.bulkrail, sandbox.variables)
        collect_from_sandbox(judge, path)
        collect_checks(judge, path)
        collect_specs(judge, path)
        collect_from_scripted_servers(judge, path)
    collect_from_faulty_sandboxes(judge, path)

    schemas = judge.bulkrail.run("schema", expect=0)
    judge.parsed(schemas, "stdout", 1)
    for name, schema in json.loads(schemas.stdout).items():
        for title, field in optional_fields(schema, name):
            if field not in OPTIONAL.get(title, ()):
                judge.failures.append(f"the schema {name} does not require {title}.{field}")
    for name, words in {
        "states": STATES, "outcomes": OUTCOMES, "outcomes of rows": ROW_OUTCOMES, "kinds of errors": KINDS,
        "kinds of drift": DRIFT_KINDS, "phases": PHASES, "levels": LEVELS,
    }.items():
        if missing := [word for word in words if word not in judge.seen.get(words, ())]:
            judge.failures.append(f"{name} that no document has: {', '.join(missing)}")
    with open(path("schemas.json"), "w", encoding="utf-8") as file:
        file.write(schemas.stdout)
    with open(path("documents.jsonl"), "w", encoding="utf-8") as file:
        file.writelines(f"{json.dumps(line)}\n" for line in judge.documents)
    sys.stdout.flush()
    validator = os.path.join(os.path.dirname(os.path.abspath(__file__)), "validate.mjs")
    validated = subprocess.run(["node", validator, path("schemas.json"), path("documents.jsonl"), options.modules])
    reasons = {}
    for failure in judge.failures:
        reason, _, place = failure.partition("\n")
        reasons.setdefault(reason, []).append(place)
    for reason, places in reasons.items():
        times = f" ({len(places)} times, the first below)" if len(places) > 1 else ""
        print("\n".join(filter(None, (f"{reason}{times}", places[0]))))
    print(
        f"{len(judge.documents)} documents of {judge.commands} commands, {len(judge.failures)} failures beside those of "
        f"Ajv ({time.monotonic() - started:.0f} s)"
    )
    sys.exit(1 if judge.failures or validated.returncode else 0)


if __name__ == "__main__":
    main()

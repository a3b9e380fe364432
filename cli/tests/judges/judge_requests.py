"""Judges the requests of the command and the library, and the responses of the sandbox, by the specs.

A proxy between client and sandbox records each exchange, and passes it on byte for byte. Prism (npm) is no such proxy: it
decodes every body that is not JSON as UTF-8, which destroys a workbook. So Prism and openapi-core (PyPI) judge what was
recorded: Prism as a proxy with `--errors` in front of a server that has the recorded responses.

Both judge with schemas that have no other fields than documented (specs/README.md, "Checks").
"""

import argparse
import http.client
import json
import os
import re
import socket
import subprocess
import sys
import threading
import time
import urllib.parse
from collections import Counter
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import yaml
from openapi_core import Config, OpenAPI
from openapi_core.exceptions import OpenAPIError
from openapi_core.testing import MockRequest, MockResponse

import command
from command import PROVIDERS, QUICK, Bulkrail, Sandbox

METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")

# Headers that belong to HTTP, whatever the API.
HTTP_HEADERS = {"accept", "accept-encoding", "connection", "content-length", "content-type", "host", "user-agent"}
HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding"}

# Header by which the server of recorded responses finds the one to send.
EXCHANGE_HEADER = "x-judge-exchange"


class Exchange:
    """A request and its response."""

    def __init__(self, provider, method, target, headers, body, status, response_headers, response_body):
        self.provider, self.method, self.target, self.headers, self.body = provider, method, target, headers, body
        self.status, self.response_headers, self.response_body = status, response_headers, response_body
        self.path, _, self.query = target.partition("?")

    def header(self, name):
        return next((value for key, value in self.headers if key.lower() == name), None)

    def response_header(self, name):
        return next((value for key, value in self.response_headers if key.lower() == name), None)

    def __str__(self):
        return f"{self.provider} {self.method} {self.target} -> {self.status}"


class Quiet(BaseHTTPRequestHandler):
    """Handler of every method by `handle_request`, without a log."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *_):
        pass

    def __getattr__(self, name):
        if name.startswith("do_"):
            return self.handle_request
        raise AttributeError(name)

    def read_body(self):
        if "chunked" in (self.headers["transfer-encoding"] or ""):
            body = b""
            while size := int(self.rfile.readline().split(b";")[0], 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            while self.rfile.readline().strip():
                pass
            return body
        return self.rfile.read(int(self.headers["content-length"] or 0))

    def respond(self, status, headers, body):
        self.send_response_only(status)
        for name, value in headers:
            if name.lower() not in HOP_BY_HOP | {"content-length"}:
                self.send_header(name, value)
        if status >= 200 and status not in (204, 304):
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def listen(handler):
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server, f"http://127.0.0.1:{server.server_port}"


def recorder(origin, exchanges):
    """Starts a proxy in front of `origin` that records each exchange. Returns its address."""
    host = origin.removeprefix("http://")

    class Recorder(Quiet):
        def handle_request(self):
            body = self.read_body()
            headers = self.headers.items()
            upstream = http.client.HTTPConnection(host, timeout=60)
            upstream.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in headers:
                if name.lower() not in HOP_BY_HOP:
                    upstream.putheader(name, value)
            if body and self.headers["content-length"] is None:
                upstream.putheader("Content-Length", str(len(body)))
            upstream.endheaders(body or None)
            response = upstream.getresponse()
            answer = response.read()
            upstream.close()
            provider, _, target = self.path[1:].partition("/")
            exchanges.append(Exchange(
                provider, self.command, f"/{target}", headers, body, response.status, response.getheaders(), answer,
            ))
            self.respond(response.status, response.getheaders(), answer)

    return listen(Recorder)[1]


def strict(schema_or_spec):
    """Returns a spec whose objects have no other fields than their schemas, as specs/README.md says of them."""
    def close(value):
        if isinstance(value, list):
            return [close(item) for item in value]
        if not isinstance(value, dict):
            return value
        closed = {key: item if key in ("example", "examples") else close(item) for key, item in value.items()}
        if value.get("type") == "object" and isinstance(value.get("properties"), dict):
            closed.setdefault("additionalProperties", False)
        return closed

    return close(schema_or_spec)


class Spec:
    """The spec of a provider, with what its operations say about requests."""

    def __init__(self, provider, directory, work):
        with open(os.path.join(directory, f"{provider}.yaml"), encoding="utf-8") as file:
            # Dates stay texts.
            text = yaml.load(file, Loader=NoDates)
        self.provider, self.document = provider, strict(text)
        self.server = self.document["servers"][0]["url"]
        self.operations = {}
        self.places = []
        for path, item in self.document["paths"].items():
            for method in METHODS:
                if method in item:
                    pattern = re.escape(path).replace(r"\{", "{").replace(r"\}", "}")
                    pattern = re.compile(re.sub(r"{[^}]+}", "[^/]+", pattern) + "$")
                    operation = item[method]
                    operation["parameters"] = [
                        self.resolved(parameter) for parameter in item.get("parameters", []) + operation.get("parameters", [])
                    ]
                    self.operations[operation["operationId"]] = operation
                    # A path without parameters comes before one that has some.
                    self.places.append((path.count("{"), method, pattern, operation["operationId"]))
        self.places.sort(key=lambda place: place[0])
        self.require_parts()
        self.file = os.path.join(work, f"{provider}.json")
        with open(self.file, "w", encoding="utf-8") as file:
            json.dump(self.document, file)

    def require_parts(self):
        """Requires the parts of each form. No page marks a file as required, so a part of another name would pass."""
        for operation in self.operations.values():
            if form := operation.get("requestBody", {}).get("content", {}).get("multipart/form-data"):
                schema = self.resolved(form["schema"])
                schema["required"] = list(schema["properties"])

    def resolved(self, value):
        if "$ref" not in value:
            return value
        found = self.document
        for name in value["$ref"].removeprefix("#/").split("/"):
            found = found[name]
        return found

    def operation_id(self, exchange):
        return next((
            operation for _, method, pattern, operation in self.places
            if method == exchange.method.lower() and pattern.match(exchange.path)
        ), None)

    def undocumented(self, exchange, operation):
        """Returns parameters and headers that the operation does not have, which neither program reports."""
        operation = self.operations[operation]
        named = {(parameter["in"], parameter["name"].lower()) for parameter in operation["parameters"]}
        security = operation.get("security", self.document.get("security", []))
        for scheme in [self.document["components"]["securitySchemes"][name] for names in security for name in names]:
            name = scheme["name"] if scheme["type"] == "apiKey" else "Authorization"
            named.add((scheme.get("in", "header"), name.lower()))
        for name, _ in urllib.parse.parse_qsl(exchange.query, keep_blank_values=True):
            if ("query", name.lower()) not in named:
                yield f"the parameter {name} is not documented"
        names = {name.lower() for name, _ in exchange.headers}
        for name in sorted(names - HTTP_HEADERS):
            if ("header", name) not in named:
                yield f"the header {name} is not documented"
        for name in operation.get("x-required-headers", []):
            if name.lower() not in names:
                yield f"the header {name} is missing"


class NoDates(yaml.SafeLoader):
    """Loader to which a date is a text, as it is in JSON."""


NoDates.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


class Prism:
    """Prism in front of the recorded responses of a provider, until the end of a `with`."""

    def __init__(self, program, spec, exchanges):
        class Recorded(Quiet):
            def handle_request(self):
                self.read_body()
                exchange = exchanges[int(self.headers[EXCHANGE_HEADER])]
                self.respond(exchange.status, exchange.response_headers, exchange.response_body)

        _, upstream = listen(Recorded)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        arguments = ["proxy", "--errors", "--verboseLevel", "silent", "--port", str(self.port), spec.file, upstream]
        environment = {"PATH": os.environ["PATH"]}
        self.process = subprocess.Popen(
            [program, *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=environment
        )

    def wait_until_ready(self):
        for _ in range(600):
            if self.process.poll() is not None:
                raise SystemExit(f"Prism does not start: {self.process.stderr.read().decode()}")
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return
            except OSError:
                time.sleep(0.1)
        raise SystemExit("Prism does not start")

    def violations(self, number, exchange):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        connection.putrequest(exchange.method, exchange.target, skip_accept_encoding=True)
        for name, value in exchange.headers:
            if name.lower() not in HOP_BY_HOP | {"host", "accept-encoding", "content-length"}:
                connection.putheader(name, value)
        if exchange.body:
            connection.putheader("Content-Length", str(len(exchange.body)))
        connection.putheader(EXCHANGE_HEADER, str(number))
        connection.endheaders(exchange.body or None)
        response = connection.getresponse()
        body, listed = response.read(), response.getheader("sl-violations")
        connection.close()
        if listed:
            return [listed]
        if response.status != exchange.status:
            return [body.decode(errors="replace")]
        return []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()


def openapi_core_violations(openapi, spec, exchange):
    parameters = {}
    for name, value in urllib.parse.parse_qsl(exchange.query, keep_blank_values=True):
        parameters.setdefault(name, []).append(value)
    server = urllib.parse.urlsplit(spec.server)
    request = MockRequest(
        f"{server.scheme}://{server.netloc}", exchange.method, server.path + exchange.path, args=parameters,
        headers=dict(exchange.headers), data=exchange.body, content_type=exchange.header("content-type") or "",
    )
    response = MockResponse(
        exchange.response_body, exchange.status, dict(exchange.response_headers),
        exchange.response_header("content-type") or "",
    )
    found = []
    for part, judge in (
        ("request", lambda: openapi.validate_request(request)),
        ("response", lambda: openapi.validate_response(request, response)),
    ):
        try:
            judge()
        except OpenAPIError as error:
            found.append(f"{part}: {explained(error)}")
    return found


def explained(error):
    """Returns the texts of an error and its causes."""
    texts = []
    while error is not None:
        texts.append(str(error) or type(error).__name__)
        texts += [f"{'/'.join(map(str, one.path))}: {one.message}" for one in getattr(error, "schema_errors", None) or []]
        error = error.__cause__
    return "; ".join(dict.fromkeys(texts))


def pass_over_all_commands(program, proxy, sandbox, files, exchanges):
    """Runs every command that sends a request, with every option that changes one."""
    addresses = {f"{provider.upper()}_BASE_URL": f"{proxy}/{provider}" for provider in PROVIDERS}
    bulkrail = Bulkrail(program, {**sandbox.variables, **addresses})

    def document(*args, expect=(0, 3, 4), **variables):
        stdout = bulkrail.run(*args, "--json", expect=expect, **variables).stdout
        return json.loads(stdout) if stdout else None

    def path(name):
        return os.path.join(files, name)

    def save(name, value):
        with open(path(name), "w", encoding="utf-8") as file:
            json.dump(value, file)
        return path(name)

    def follow(provider, file, *options, rows=True):
        """Submits a file and sends everything that can be sent about its batch."""
        batch = document("submit", provider, *([file] if file else []), *options)
        document("status", provider, batch["id"])
        bulkrail.run("wait", provider, batch["id"], "--jsonl", *QUICK, expect=(0, 3, 4))
        document("status", "--batch", save("batch.json", batch))
        if rows:
            submitted = ("--submitted", file)
            for arguments in (submitted, (*submitted, "--failed")):
                document("rows", provider, batch["id"], *arguments)
            bulkrail.run("rows", provider, batch["id"], *submitted, "--format", "csv", expect=0)
            retried = path(f"retried-{os.path.basename(file)}")
            options = ("--unaccounted", "--force", "--out", retried)
            bulkrail.run("retry", provider, batch["id"], "--submitted", file, *options, expect=0)
            if os.path.exists(retried):
                return batch, retried
        return batch, None

    # KillB: a file of rows is sent as a workbook. The report reads the rows that failed.
    people = command.killb_rows(path("people.csv"), 40)
    killb, retried = follow("killb", people)
    bulkrail.run("rows", "killb", killb["id"], "--format", "jsonl", expect=0)
    bulkrail.run("wait", "killb", killb["id"], "--report", path("report.html"), *QUICK, expect=(0, 3, 4))
    document("run", "killb", retried, *QUICK)
    # A workbook that is given is sent as it is: that of the first submit.
    upload = next(one for one in exchanges if one.provider == "killb" and one.target.endswith("/upload"))
    with open(path("people.xlsx"), "wb") as file:
        file.write(upload.body[upload.body.index(b"PK\3\4"):upload.body.rindex(b"\r\n--")])
    document("submit", "killb", path("people.xlsx"))
    users = killb_users(sandbox, document("rows", "killb", killb["id"]))
    document("compare", "killb", people, *[word for user in users for word in ("--user", user)], "--user", "stranger")
    token = killb_token(sandbox)["accessToken"]
    by_token = {"KILLB_EMAIL": None, "KILLB_PASSWORD": None, "KILLB_ACCESS_TOKEN": token}
    document("status", "killb", killb["id"], **by_token)
    document("status", "killb", "00000000-0000-4000-8000-000000000000", expect=7)
    document("status", "killb", killb["id"], expect=6, **{**by_token, "KILLB_ACCESS_TOKEN": "wrong"})
    document("status", "killb", killb["id"], expect=6, KILLB_PASSWORD="wrong")

    # Reap: one entity is read for each row.
    references = [f"00000000-0000-4000-8000-{number:012}" for number in range(30)]
    imported = command.reap_rows(path("import.csv"), references)
    reap, retried = follow("reap", imported)
    document("submit", "reap", imported, "--key", "import-1")
    document("submit", "reap", imported, "--key", "import-1", expect=1)
    document("run", "reap", imported, "--key", "import-2", *QUICK)
    document("run", "reap", retried, *QUICK)
    levels = command.write_csv(
        path("levels.csv"), ("externalId", "shareToken", "applicantLevel", "cardProcessorPublicToken"),
        [(references[0], "token", "basic-kyc", "card-1")],
    )
    document("submit", "reap", levels)
    document("status", "reap", "00000000-0000-4000-8000-000000000000", expect=7)
    document("status", "reap", reap["id"], expect=6, REAP_API_KEY="wrong")

    # CDQ: with and without a file, and with each feature.
    storage = ("--storage-id", "72d6900fce6b326088f5d9d91049e3e6")
    accounts = command.cdq_rows(path("accounts.csv"))
    cdq, _ = follow("cdq", None, *storage, rows=False)
    follow("cdq", accounts, *storage, rows=False)
    features = ("confirm-ba-in-bp-storage", "data-monitor-refresh")
    for chosen in ((features[0],), (features[1],), features):
        document("submit", "cdq", *storage, *[word for feature in chosen for word in ("--feature", feature)])
    document("run", "cdq", accounts, *storage, *QUICK)
    document("status", "cdq", "00000000-0000-4000-8000-000000000000", expect=7)
    document("status", "cdq", cdq["id"], expect=6, CDQ_API_KEY="wrong")

    # Localpayment: JSON and CSV, both countries, both kinds of beneficiaries, and more accounts than a batch may have.
    in_mexico = ("--account-number", "484.484.00000011", "--country", "MEX")
    localpayment, retried = follow(
        "localpayment", command.localpayment_rows(path("virtual.csv"), 250), *in_mexico
    )
    document("run", "localpayment", retried, *in_mexico, *QUICK)
    argentina = command.localpayment_rows(path("argentina.csv"), 10, first=100, document=("CUIT", "20123456786"))
    follow("localpayment", argentina, "--account-number", "032.032.00000011", "--country", "ARG", "--key", "argentina-1")
    listed = command.localpayment_accounts(12, first=1)
    listed[0]["beneficiary"] = {
        "type": "COMPANY", "name": "Acme", "document": {"id": "ACM010101ABC", "type": "RFC"},
    }
    follow("localpayment", save("listed.json", listed), *in_mexico)
    whole = {
        "externalId": "whole-1", "name": "A batch", "accountNumber": "484.484.00000011", "country": "MEX",
        "accounts": command.localpayment_accounts(10, first=50),
    }
    document("run", "localpayment", save("whole.json", whole), *QUICK)
    many = command.localpayment_rows(path("many.csv"), 5_012, first=10_000)
    run = bulkrail.run("submit", "localpayment", many, *in_mexico, "--key", "many", "--json", expect=0)
    assert len(run.stdout.splitlines()) == 2, run
    token = post(sandbox, "/localpayment/api/token/", {
        "username": sandbox.variables["LOCALPAYMENT_USERNAME"], "password": sandbox.variables["LOCALPAYMENT_PASSWORD"],
    })["access"]
    by_token = {
        "LOCALPAYMENT_USERNAME": None, "LOCALPAYMENT_PASSWORD": None, "LOCALPAYMENT_ACCESS_TOKEN": token,
    }
    document("status", "localpayment", localpayment["id"], **by_token)
    document("status", "localpayment", "unknown-1", expect=7)
    document("status", "localpayment", localpayment["id"], expect=6, LOCALPAYMENT_PASSWORD="wrong")

    # What is open is waited for.
    bulkrail.run("resume", "--jsonl", *QUICK, expect=(0, 3, 4))


def start_waits_with_expiring_tokens(program, proxy, sandbox, files):
    """Starts commands that last longer than tokens, which are refreshed then. Returns what waits for their ends.

    A token lives for 2 s, and the first refresh is refused.
    """
    addresses = {f"{provider.upper()}_BASE_URL": f"{proxy}/{provider}" for provider in PROVIDERS}
    waits = []
    for provider, arguments in {
        "killb": (command.killb_rows(os.path.join(files, "expiring.csv"), 30),),
        "localpayment": (
            command.localpayment_rows(os.path.join(files, "expiring-accounts.csv"), 20),
            "--account-number", "484.484.00000011", "--country", "MEX",
        ),
    }.items():
        bulkrail = Bulkrail(program, {**sandbox.variables, **addresses})
        arguments = ("run", provider, *arguments, "--json", "--interval", "200ms..1s", "--deadline", "9s")
        waits.append(partial(bulkrail.finish, bulkrail.start(*arguments), arguments, expect=(0, 3, 4, 5)))
    return waits


def post(sandbox, path, body, token=None):
    """Sends a request past the proxy, for what a command needs beforehand."""
    return call(sandbox, "POST", path, json.dumps(body), token)


def call(sandbox, method, path, body=None, token=None):
    connection = http.client.HTTPConnection(sandbox.origin.removeprefix("http://"))
    headers = {"Content-Type": "application/json"} if body else {}
    connection.request(method, path, body, {**headers, **({"Authorization": f"Bearer {token}"} if token else {})})
    response = json.loads(connection.getresponse().read())
    connection.close()
    return response


def killb_token(sandbox):
    body = {"email": sandbox.variables["KILLB_EMAIL"], "password": sandbox.variables["KILLB_PASSWORD"]}
    return post(sandbox, "/killb/api/v2/auth/login", body)


def killb_users(sandbox, rows):
    """Returns the ids of the users who own the accounts of rows."""
    token = killb_token(sandbox)["accessToken"]
    account = next(row["account_id"] for row in rows if row["account_id"])
    return [call(sandbox, "GET", f"/killb/api/v2/accounts/{account}", token=token)["userId"]]


def accepted(file):
    with open(file, encoding="utf-8") as text:
        deviations = json.load(text)
    for deviation in deviations:
        if not all(deviation.get(name) for name in ("provider", "operation", "judge", "contains", "reason")):
            raise SystemExit(f"{file}: a field is missing in {deviation}")
        deviation["seen"] = 0
    return deviations


def judge(specs, exchanges, prism, deviations):
    """Returns the violations, and the number of exchanges of each operation."""
    counts, found = Counter(), []

    def report(exchange, operation, judge, violation):
        for deviation in deviations:
            if (deviation["provider"], deviation["operation"], deviation["judge"]) == (exchange.provider, operation, judge) \
                    and deviation["contains"] in violation:
                deviation["seen"] += 1
                return
        found.append((f"{judge}: {exchange.provider} {operation}", f"{exchange}: {violation}"))

    for provider, spec in specs.items():
        openapi = OpenAPI.from_dict(spec.document, config=Config())
        recorded = [exchange for exchange in exchanges if exchange.provider == provider]
        with Prism(prism, spec, recorded) as proxy:
            started = False
            for number, exchange in enumerate(recorded):
                operation = spec.operation_id(exchange)
                if operation is None:
                    report(exchange, "unknown", "path", "no operation has this method and path")
                    continue
                counts[provider, operation, exchange.status] += 1
                for violation in spec.undocumented(exchange, operation):
                    report(exchange, operation, "names", violation)
                for violation in openapi_core_violations(openapi, spec, exchange):
                    report(exchange, operation, "openapi-core", violation)
                if not started:
                    proxy.wait_until_ready()
                    started = True
                for violation in proxy.violations(number, exchange):
                    report(exchange, operation, "prism", violation)
    return found, counts


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bulkrail", required=True)
    parser.add_argument("--prism", required=True)
    parser.add_argument("--specs", default="specs")
    parser.add_argument("--accepted", required=True)
    parser.add_argument("--work", required=True)
    parser.add_argument("library", nargs=argparse.REMAINDER, help="command that runs the requests of the library")
    options = parser.parse_args()

    deviations = accepted(options.accepted)
    specs = {provider: Spec(provider, options.specs, options.work) for provider in PROVIDERS}
    exchanges, started = [], time.monotonic()
    with Sandbox(options.bulkrail, "--seed", "4", "--speed", "60") as sandbox, \
            Sandbox(options.bulkrail, "--faults", "expire") as expiring:
        waits = start_waits_with_expiring_tokens(
            options.bulkrail, recorder(expiring.origin, exchanges), expiring, options.work,
        )
        proxy = recorder(sandbox.origin, exchanges)
        failure = None
        try:
            pass_over_all_commands(options.bulkrail, proxy, sandbox, options.work, exchanges)
            if subprocess.run(options.library, env={**os.environ, "REQUESTS_JUDGE_URL": proxy}).returncode != 0:
                raise SystemExit("the requests of the library failed")
        except SystemExit as error:
            # What was sent before says why.
            failure = error
        for finish in waits:
            finish()
    sent = time.monotonic() - started
    found, counts = judge(specs, exchanges, options.prism, deviations)

    missing = []
    for provider, spec in specs.items():
        for operation in spec.operations:
            statuses = sorted((status, count) for (one, other, status), count in counts.items()
                              if (one, other) == (provider, operation))
            texts = ", ".join(f"{count} x {status}" for status, count in statuses)
            print(f"{provider:13} {operation:24} {texts or 'never sent'}")
            if not any(200 <= status < 300 for status, _ in statuses):
                missing.append(f"{provider} {operation}")
    for kind, violations in grouped(found).items():
        print(f"\n{kind}: {len(violations)}, the first:\n  {shortened(violations[0])}")
    if missing:
        print(f"\nnever sent with success: {', '.join(missing)}")
    stale = [deviation for deviation in deviations if not deviation["seen"]]
    for deviation in stale:
        print(f"\naccepted, but not seen any more: {deviation}")
    print(f"\n{len(exchanges)} requests and responses of {len({key[:2] for key in counts})} operations, "
          f"{len(found)} violations by Prism, openapi-core and names; {sum(one['seen'] for one in deviations)} accepted "
          f"(sent in {sent:.0f} s, judged in {time.monotonic() - started - sent:.0f} s)")
    if failure:
        print(f"\nnot everything was sent: {failure}")
    sys.exit(1 if found or missing or stale or failure else 0)


def shortened(text):
    return text if len(text) <= 1_000 else f"{text[:500]} … {text[-500:]}"


def grouped(found):
    groups = {}
    for kind, violation in found:
        groups.setdefault(kind, []).append(violation)
    return groups


if __name__ == "__main__":
    main()

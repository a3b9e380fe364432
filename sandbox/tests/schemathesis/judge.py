#!/usr/bin/env python3
"""Judges the sandbox by schemathesis: one run for each provider, with its spec, against one sandbox.

usage: judge.py BULKRAIL DIRECTORY [EXAMPLES]

BULKRAIL is the command with the sandbox, DIRECTORY gets the reports. EXAMPLES is the number of cases of each operation
and phase. What schemathesis finds fails, unless accepted.yaml has it. So do an entry of accepted.yaml that finds nothing or
too much, an operation without one success, and a run that follows no link.
"""

import json
import os
import re
import shlex
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import requests
import yaml

import files

HERE = Path(__file__).resolve().parent
SPECS = HERE.parents[2] / "specs"

# Heaviest first: as many run at a time as there are workers.
PROVIDERS = ["killb", "localpayment", "reap", "cdq"]
WORKERS = 2
EXAMPLES = 60
SEED = 42
# Batches take a minute or two: so they end within a second, and some polls still find them running.
SPEED = 100
# An entity that only a row of a batch names.
ENTITY_OF_BATCH = "7f0a8ad6-29a1-4a66-a6c4-8bb398eb78d1"

# The coverage phase and the check `ignored_auth` try credentials. Generated ones would make most invalid requests end there.
CONFIGURATION = """hooks = "{hooks}"
[cache]
enabled = false
[phases.fuzzing.generation]
with-security-parameters = false
# Values of earlier requests and responses would take the place of nearly all generated texts; links have the real ones.
[phases.fuzzing.extra-data-sources]
responses = false
[phases.stateful.generation]
with-security-parameters = false
"""


def main():
    command, directory = Path(sys.argv[1]), Path(sys.argv[2])
    examples = int(sys.argv[3]) if len(sys.argv) > 3 else EXAMPLES
    directory.mkdir(parents=True, exist_ok=True)
    accepted = yaml.safe_load((HERE / "accepted.yaml").read_text()) or []
    overlay = yaml.safe_load((HERE / "overlay.yaml").read_text())
    arguments = ["sandbox", "--seed", str(SEED), "--speed", str(SPEED)]
    sandbox = subprocess.Popen([command, *arguments], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        environment = read_environment(sandbox)
        setups = [SETUPS[name](environment) for name in PROVIDERS]
        with ThreadPoolExecutor(WORKERS) as pool:
            runs = list(pool.map(lambda setup: run(setup, overlay, accepted, directory, examples), setups))
    finally:
        sandbox.terminate()
        sandbox.wait()
    failures = sum(report(examples, *result) for result in runs)
    print(f"{sum(cases for *_, cases in runs)} requests, {failures} problems")
    return 1 if failures else 0


def read_environment(sandbox):
    """Returns the variables that the sandbox prints when it listens."""
    environment = {}
    while "LOCALPAYMENT_PASSWORD" not in environment:
        line = sandbox.stdout.readline()
        if not line:
            sys.exit("the sandbox does not start")
        name, value = line.removeprefix("export ").rstrip("\n").split("=", 1)
        environment[name] = shlex.split(value)[0]
    return environment


class Api:
    """A provider of the sandbox."""

    def __init__(self, url, header=None):
        self.url = url
        self.headers = dict([header]) if header else {}

    def post(self, path, **arguments):
        response = requests.post(self.url + path, headers=self.headers, timeout=10, **arguments)
        response.raise_for_status()
        return response.json()

    def get_until(self, path, is_done):
        """Repeats a request until a batch has ended."""
        for _ in range(100):
            response = requests.get(self.url + path, headers=self.headers, timeout=10)
            if response.ok and is_done(response.json()):
                return response.json()
            time.sleep(0.1)
        sys.exit(f"{path} does not end: {response.text}")


def upload(name, content, media_type):
    return {"file": (name, content, media_type)}


def killb(environment):
    login = {
        "path": "/api/v2/auth/login",
        "body": {"email": environment["KILLB_EMAIL"], "password": environment["KILLB_PASSWORD"]},
        "token": "accessToken",
    }
    api = Api(environment["KILLB_BASE_URL"])
    token = api.post(login["path"], json=login["body"])["accessToken"]
    api.headers["Authorization"] = "Bearer " + token
    path = "/api/v2/accounts/bulk/upload"
    sheet = files.workbook([files.HEADER, *files.people("judge", 20)])
    job = api.post(path, files=upload("rows.xlsx", sheet, files.WORKBOOK))["jobId"]
    empty = api.post(path, files=upload("empty.xlsx", files.workbook([files.HEADER]), files.WORKBOOK))["jobId"]
    data = {"firstName": "Ana", "lastName": "Ruiz", "bankCode": "001", "accountNumber": "1234567", "type": "savings"}
    account = api.post("/api/v2/accounts", json={"type": "PSE", "data": data})
    is_done = lambda body: body["status"] in ("COMPLETED", "FAILED")
    results = api.get_until(f"/api/v2/accounts/bulk/status/{job}", is_done)["results"]
    api.get_until(f"/api/v2/accounts/bulk/status/{empty}", is_done)
    of_job = next(row["accountId"] for row in results if "accountId" in row)
    user_of_job = api.get_until(f"/api/v2/accounts/{of_job}", lambda body: True)["userId"]
    names = {
        "email": environment["KILLB_EMAIL"],
        "password": environment["KILLB_PASSWORD"],
        "job": job,
        "job_without_rows": empty,
        "account": account["id"],
        "user": account["userId"],
        "account_of_job": of_job,
        "user_of_job": user_of_job,
    }
    return {"provider": "killb", "url": api.url, "login": login, "names": names}


def reap(environment):
    header = ("x-reap-api-key", environment["REAP_API_KEY"])
    api = Api(environment["REAP_BASE_URL"], header)
    entity = api.post("/entity", json={"externalId": "judge", "type": "INDIVIDUAL"})["id"]
    api.headers["X-Provider"] = "sumsub"
    rows = f"externalId,shareToken\n{entity},token\n{ENTITY_OF_BATCH},token\n".encode()
    batch = api.post("/entity/kyc/import/batch", files=upload("rows.csv", rows, "text/csv"))["batchId"]
    api.get_until(f"/entity/kyc/import/batch/{batch}", lambda body: body["status"] == "completed")
    names = {"entity": entity, "entity_of_batch": ENTITY_OF_BATCH, "batch": batch}
    return {"provider": "reap", "url": api.url, "header": header, "names": names}


def cdq(environment):
    header = ("X-API-KEY", environment["CDQ_API_KEY"])
    api = Api(environment["CDQ_BASE_URL"], header)
    job = api.post("/bankaccounts/jobs/confirmation", json={"storageId": "judge"})["id"]
    api.get_until(f"/bankaccounts/jobs?jobId={job}", lambda body: body["status"] == "FINISHED")
    return {"provider": "cdq", "url": api.url, "header": header, "names": {"job": job}}


def localpayment(environment):
    names = {"username": environment["LOCALPAYMENT_USERNAME"], "password": environment["LOCALPAYMENT_PASSWORD"]}
    login = {"path": "/api/token/", "body": dict(names), "token": "access"}
    api = Api(environment["LOCALPAYMENT_BASE_URL"])
    tokens = api.post(login["path"], json=login["body"])
    api.headers["Authorization"] = "Bearer " + tokens["access"]
    names["refresh"] = tokens["refresh"]
    document = {"type": "CURP", "id": "RULA900101"}
    beneficiary = {"type": "INDIVIDUAL", "name": "Ana", "lastName": "Ruiz", "document": document}
    merchant = {"accountNumber": "48.448.400.000.011", "country": "MEX"}
    account = {"externalId": "judge-account", "beneficiary": beneficiary}
    api.post("/api/virtual-account", json=merchant | account)
    accounts = [{"externalId": f"judge-{n}", "beneficiary": beneficiary} for n in range(12)]
    api.post("/api/virtual-account-batch", json=merchant | {"externalId": "judge-batch", "accounts": accounts})
    is_done = lambda body: body["status"]["description"] != "INPROGRESS"
    batch = api.get_until("/api/virtual-account-batch/judge-batch/", is_done)
    rows = batch["csvFormatResponse"].split()
    names |= {"batch": "judge-batch", "account": "judge-account", "account_of_batch": rows[1].split(",")[1]}
    return {"provider": "localpayment", "url": api.url, "login": login, "names": names}


SETUPS = {"killb": killb, "reap": reap, "cdq": cdq, "localpayment": localpayment}


def run(setup, overlay, accepted, directory, examples):
    """Runs schemathesis with one spec; returns the provider, its log, its report, its entries and the requests."""
    provider = setup["provider"]
    spec = yaml.load((SPECS / f"{provider}.yaml").read_text(), Loader=yaml.CSafeLoader)
    lay_over(spec, fill(overlay[provider], setup["names"]))
    paths = {name: directory / f"{provider}.{name}" for name in ("yaml", "setup.json", "report.json", "toml", "log")}
    paths["yaml"].write_text(yaml.safe_dump(spec, sort_keys=False))
    entries = [entry for entry in accepted if entry["provider"] == provider]
    setup |= {"accepted": entries, "report": str(paths["report.json"])}
    paths["setup.json"].write_text(json.dumps(setup))
    paths["report.json"].unlink(missing_ok=True)
    paths["toml"].write_text(CONFIGURATION.format(hooks=HERE / "hooks.py"))
    options = ["--checks", "all", "--phases", "examples,coverage,fuzzing,stateful", "--mode", "all", "--no-color"]
    options += ["--seed", str(SEED), "--max-examples", str(examples), "--generation-database", "none", "--no-shrink"]
    options += ["--continue-on-failure", "--suppress-health-check", "all", "--max-response-time", "10"]
    options += ["--url", setup["url"], str(paths["yaml"])]
    binary = Path(sys.executable).parent / "schemathesis"
    variables = os.environ | {"JUDGE_SETUP": str(paths["setup.json"]), "PYTHONPATH": str(HERE), "PYTHONHASHSEED": "0"}
    started = time.monotonic()
    with open(paths["log"], "w") as log:
        arguments = [binary, "--config-file", paths["toml"], "run", *options]
        status = subprocess.run(arguments, stdout=log, stderr=subprocess.STDOUT, env=variables).returncode
    seconds = time.monotonic() - started
    result = json.loads(paths["report.json"].read_text()) if paths["report.json"].exists() else None
    operations = [call["operationId"] for item in spec["paths"].values() for call in item.values() if "operationId" in call]
    cases = sum(sum(counts.values()) for counts in result["statuses"].values()) if result else 0
    return setup, operations, status, seconds, paths["log"], result, cases


def fill(value, names):
    """Replaces `${name}` in the texts of an overlay."""
    if isinstance(value, dict):
        return {key: fill(item, names) for key, item in value.items()}
    if isinstance(value, list):
        return [fill(item, names) for item in value]
    if isinstance(value, str):
        return re.sub(r"\$\{(\w+)\}", lambda match: names[match[1]], value)
    return value


def lay_over(spec, overlay):
    """Adds to `spec`: objects member by member, arrays item by item. What has no counterpart is an error, but for the end."""
    items = overlay.items() if isinstance(overlay, dict) else enumerate(overlay)
    for key, value in items:
        if isinstance(spec, list) or key in spec:
            if isinstance(value, (dict, list)):
                lay_over(spec[key], value)
            else:
                spec[key] = value
        elif key in ("paths", "get", "post", "put", "delete", "responses", "requestBody", "parameters") or key[0] == "/":
            sys.exit(f"overlay.yaml: the spec has no {key}")
        else:
            spec[key] = value


def report(examples, setup, operations, status, seconds, log, result, cases):
    """Prints what was found; returns the number of problems."""
    provider, problems = setup["provider"], 0

    def problem(text):
        nonlocal problems
        problems += 1
        print(f"{provider}: {text}")

    if result is None:
        print(log.read_text()[-4000:])
        problem("schemathesis wrote no report")
        return problems
    for finding in sorted(result["findings"], key=lambda finding: (finding["operation"], finding["check"])):
        problem(f"{finding['operation']}: {finding['check']} ({finding['count']} times, status {finding['status']})")
        print("    " + finding["message"].replace("\n", "\n    "))
        print(f"    response: {finding['response']}\n    {finding['request'][:2000]}")
    for index, entry in enumerate(setup["accepted"]):
        times = result["matches"].get(str(index), 0)
        described = f"accepted.yaml: {entry['operation']}: {entry['check']}: {entry.get('response', entry.get('message'))}"
        if times == 0 and entry.get("rare"):
            print(f"{provider}: {described}: not found this time")
        elif times == 0:
            problem(f"{described}: finds nothing, so remove the entry")
        elif examples == EXAMPLES and times > entry["at_most"]:
            problem(f"{described}: finds {times}, more than {entry['at_most']}")
    for operation in operations:
        counts = result["statuses"].get(operation, {})
        if not any(code.startswith("2") for code in counts):
            problem(f"{operation}: not one success in {counts}")
    if status not in (0, 1) or (status == 1 and not result["findings"]):
        print(log.read_text()[-4000:])
        problem(f"schemathesis ended with status {status}")
    accepted = sum(result["matches"].values())
    links = re.search(r"API Links: +([0-9]+) covered / ([0-9]+) selected", log.read_text())
    if links is None or links[1] == "0":
        problem("no link was followed")
    links = f"{links[1]} of {links[2]} links" if links else "no links"
    counts = f"{cases} requests, {links}, {accepted} accepted findings, {problems} problems"
    print(f"{provider}: {counts} in {seconds:.0f} s")
    return problems


if __name__ == "__main__":
    sys.exit(main())

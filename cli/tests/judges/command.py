"""Runs `bulkrail` and its sandbox for the judges beside this file."""

import csv
import re
import subprocess
import tempfile

PROVIDERS = ("killb", "reap", "cdq", "localpayment")

# Waits end soon after the batch does.
QUICK = ("--interval", "20ms..100ms")

# The longest time that a command of a judge may take.
TIMEOUT_SECONDS = 120


class Run:
    """Exit code and output of a command."""

    def __init__(self, args, code, stdout, stderr):
        self.args, self.code, self.stdout, self.stderr = args, code, stdout, stderr

    def __str__(self):
        return f"bulkrail {' '.join(self.args)}\n  exit {self.code}\n  stdout: {self.stdout}\n  stderr: {self.stderr}"


class Bulkrail:
    """The command, in an environment that has these variables and nothing else."""

    def __init__(self, program, variables):
        self.program = program
        # Removed at the end.
        self.state = tempfile.TemporaryDirectory(prefix="judge-state-")
        self.variables = {"XDG_STATE_HOME": self.state.name, **variables}

    def start(self, *args, stdin=None, **variables):
        """Starts the command."""
        return subprocess.Popen(
            [self.program, *args],
            env={name: value for name, value in {**self.variables, **variables}.items() if value is not None},
            stdin=stdin or subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *args, expect=None, **variables):
        """Runs the command to its end. `expect` is its exit code, or several that are fine."""
        return self.finish(self.start(*args, **variables), args, expect)

    def finish(self, process, args, expect=None):
        stdout, stderr = process.communicate(timeout=TIMEOUT_SECONDS)
        run = Run(args, process.returncode, stdout, stderr)
        codes = (expect,) if isinstance(expect, int) else expect
        if "panicked" in stderr or (codes is not None and run.code not in codes):
            raise SystemExit(f"expected exit code {expect}:\n{run}")
        return run


class Sandbox:
    """`bulkrail sandbox`, until the end of a `with`. `variables` has its addresses and credentials."""

    def __init__(self, program, *options):
        self.process = subprocess.Popen([program, "sandbox", "--quiet", *options], stdout=subprocess.PIPE, text=True)
        self.variables = {}
        while "LOCALPAYMENT_PASSWORD" not in self.variables:
            line = self.process.stdout.readline()
            if not line:
                raise SystemExit("the sandbox does not start")
            if found := re.match(r"export (\w+)='?([^']*)'?$", line.strip()):
                self.variables[found[1]] = found[2]
        self.origin = re.match(r"http://[^/]+", self.variables["KILLB_BASE_URL"])[0]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()


def write_csv(path, header, rows):
    with open(path, "w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows([header, *rows])
    return path


def killb_rows(path, count, first=1):
    """Writes complete rows of KillB. Their names are made up."""
    header = (
        "externalId entityType accountType firstName email lastName phone documentNumber documentIssuedCountryCode "
        "personDocumentType countryCode accountNumber bankCode bankAccountType"
    ).split()
    people = range(first, first + count)
    return write_csv(path, header, [
        (f"person-{n}", "PERSON", "PSE", "Person", "people@example.com", "Doe", "+576015555555", f"X{n}", "CO",
         "PASSPORT", "CO", f"10203{n:03}", "001", "savings")
        for n in people
    ])


def reap_rows(path, references):
    return write_csv(path, ("externalId", "shareToken"), [(reference, f"token-of-{reference}") for reference in references])


def cdq_rows(path):
    header = (
        "International Account ID", "International Bank ID", "Country Code", "National Bank ID", "National Account ID"
    )
    return write_csv(path, header, [("CH8800781619278412000", "KBSGCH22XXX", "CH", "", "")])


def localpayment_rows(path, count, first=1, document=("RFC", "XAXX010101000")):
    header = ("externalId", "type", "name", "lastName", "documentType", "documentId")
    accounts = range(first, first + count)
    return write_csv(path, header, [(f"acc-{n}", "INDIVIDUAL", "Jane", f"Doe {n}", *document) for n in accounts])


def localpayment_accounts(count, first=1):
    """Returns accounts as Localpayment documents them."""
    document = {"id": "XAXX010101000", "type": "RFC"}
    return [
        {
            "externalId": f"json-{n}",
            "beneficiary": {"type": "INDIVIDUAL", "name": "Jane", "lastName": f"Doe {n}", "document": document},
        }
        for n in range(first, first + count)
    ]

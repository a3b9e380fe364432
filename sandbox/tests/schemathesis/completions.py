"""Completes valid requests by rules that pages have in words, so that a provider has no reason to refuse them.

Each function takes the body of a request and the number of the request, from which it makes ids that are not used yet.
"""

from pathlib import Path

import yaml

import files

SPECS = Path(__file__).resolve().parents[3] / "specs"


def killb_examples():
    """Returns `data` of the example of each kind of account in the spec."""
    spec = yaml.load((SPECS / "killb.yaml").read_text(), Loader=yaml.CSafeLoader)
    content = spec["paths"]["/api/v2/accounts"]["post"]["requestBody"]["content"]["application/json"]
    return {example["value"]["type"]: example["value"]["data"] for example in content["examples"].values()}


KILLB_EXAMPLES = killb_examples()


def killb_account(body, number):
    body["data"] = {**body["data"], **KILLB_EXAMPLES.get(body["type"], {})}
    body["externalId"] = f"judge-account-{number}"


def reap_entity(body, number):
    body["externalId"] = f"judge-entity-{number}"


def cdq_job(body, number):
    body["storageId"] = f"judge-storage-{number}"


def cdq_account(body, number):
    body["bankAccount"]["internationalBankAccountIdentifier"] = "CH8800781619278412000"


def localpayment_account(body, number):
    body["externalId"] = f"judge-account-{number}"
    # A person has a last name, and each country but Mexico its own documents.
    body["beneficiary"]["lastName"] = "Ruiz"
    if body["country"] != "MEX":
        body["beneficiary"]["document"]["type"] = {"ARG": "CUIT", "BRA": "CPF"}[body["country"]]


def localpayment_batch(body, number):
    for index, account in enumerate(body["accounts"]):
        account_body = account | {"country": body["country"]}
        localpayment_account(account_body, f"{number}-{index}")
        account["externalId"] = account_body["externalId"]
    body["externalId"] = f"judge-batch-{number}"


OF = {
    ("killb", "create_account"): killb_account,
    ("reap", "create_entity"): reap_entity,
    ("cdq", "start_confirmation"): cdq_job,
    ("cdq", "confirm_bank_account"): cdq_account,
    ("localpayment", "create_virtual_account"): localpayment_account,
    ("localpayment", "create_batch"): localpayment_batch,
}

# A request with one of these files, and no other part, is complete as it is.
FILES = {
    ("killb", "upload_bulk"): files.WORKBOOKS,
    ("reap", "upload_batch"): files.REAP_FILES,
    ("cdq", "upload_bank_accounts"): files.CDQ_FILES,
}

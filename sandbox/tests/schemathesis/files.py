"""Files to upload: valid ones, and some that a provider refuses."""

import io
import zipfile

WORKBOOK = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
# One media type of a part for each provider: the files differ.
REAP_CSV = "text/csv"
CDQ_CSV = "text/csv; header=present"

# Time in the archive, so that the same rows are the same bytes.
EPOCH = (1980, 1, 1, 0, 0, 0)

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006"


def workbook(*sheets):
    """Returns a workbook of texts; a sheet is a list of rows."""
    numbers = range(1, len(sheets) + 1)
    names = "".join(f'<sheet name="Sheet{n}" sheetId="{n}" r:id="r{n}"/>' for n in numbers)
    links = "".join(
        f'<Relationship Id="r{n}" Type="{RELATIONS}/worksheet" Target="worksheets/sheet{n}.xml"/>' for n in numbers
    )
    override = '<Override PartName="{}" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.{}+xml"/>'
    types = override.format("/xl/workbook.xml", "sheet.main")
    types += "".join(override.format(f"/xl/worksheets/sheet{n}.xml", "worksheet") for n in numbers)
    rels = '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    parts = {
        "[Content_Types].xml": f'<Types xmlns="{PACKAGE}/content-types">{rels}{types}</Types>',
        "_rels/.rels": f'<Relationships xmlns="{PACKAGE}/relationships"><Relationship Id="r1" '
        f'Type="{RELATIONS}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{MAIN}" xmlns:r="{RELATIONS}"><sheets>{names}</sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{PACKAGE}/relationships">{links}</Relationships>',
    }
    for n, rows in zip(numbers, sheets):
        cell = '<c t="inlineStr"><is><t>{}</t></is></c>'
        rows = "".join("<row>" + "".join(cell.format(text) for text in row) + "</row>" for row in rows)
        parts[f"xl/worksheets/sheet{n}.xml"] = f'<worksheet xmlns="{MAIN}"><sheetData>{rows}</sheetData></worksheet>'
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in parts.items():
            archive.writestr(zipfile.ZipInfo(name, EPOCH), '<?xml version="1.0" encoding="UTF-8"?>' + text)
    return file.getvalue()


HEADER = ["accountType", "firstName", "lastName", "email", "externalId", "bankCode", "accountNumber"]


def people(prefix, count, kind="PSE"):
    rows = range(1, count + 1)
    return [[kind, "Ana", f"Ruiz {n}", f"ana{n}@example.com", f"{prefix}-{n}", "001", f"1{n:07}"] for n in rows]


WORKBOOKS = [
    workbook([HEADER, *people("a", 3)]),
    workbook([HEADER, *people("b", 30)]),
    workbook([HEADER, *people("c", 2)], [HEADER, *people("d", 2, "SPEI")]),
    # Rows that fail: a kind that does not exist, and one without a name.
    workbook([["accountType"], ["NONSENSE"], ["PSE"]]),
    # Without rows, the job is made and fails.
    workbook([HEADER]),
]
NOT_WORKBOOKS = [
    b"",
    b"accountType\nPSE\n",
    b"PK\x03\x04 not an archive",
    WORKBOOKS[0][:-30],
    workbook([["one", "two"], ["1", "2"]]),
    workbook([]),
]

REAP_FILES = [
    b"externalId,shareToken\nr-1,token-1\n",
    b"externalId,shareToken\n" + b"".join(b"r-%d,token-%d\n" % (n, n) for n in range(1, 40)),
    b"note,shareToken,externalId\r\n,t,r-1\r\n,,r-2\r\n",
    b'externalId,shareToken\n"r ""1""","a,b"\n',
]
NOT_REAP_FILES = [
    b"",
    b"externalId\nr-1\n",
    b"externalId,shareToken\n",
    b"externalId,shareToken\nr-1\n",
    b"\xef\xbb\xbfexternalId,shareToken\nr-1,t\n",
    b"externalId,shareToken\nr-\xff,t\n",
]

CDQ_HEADER = b"International Account ID,International Bank ID,Country Code,National Bank ID,National Account ID\n"
CDQ_FILES = [CDQ_HEADER, CDQ_HEADER + b"CH8800781619278412000,,,,\n", CDQ_HEADER + b",KBSGCH22XXX,CH,00781,6192\n"]
NOT_CDQ_FILES = [b"", b"International Account ID\nCH88\n", CDQ_HEADER + b"a,b\n", b"\xff\xfe\x00"]

MEDIA_TYPES = [
    (WORKBOOK, WORKBOOKS, NOT_WORKBOOKS),
    (REAP_CSV, REAP_FILES, NOT_REAP_FILES),
    (CDQ_CSV, CDQ_FILES, NOT_CDQ_FILES),
]

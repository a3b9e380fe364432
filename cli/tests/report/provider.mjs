// A stand-in of KillB on loopback, whose jobs have the texts of a test.
import {createServer} from "node:http";

// Texts that end the context in which they are shown, run as formulas, or hide what is around them.
export const HOSTILE = [
  "<script>alert(1)</script>",
  "</script ><img src=x onerror=alert(9)>",
  "<!--<script <!-- x",
  "</script><script>alert(2)</script>",
  "</td></tr></table><img src=x onerror=alert(3)>",
  "<!--<script>",
  "javascript:alert(4)",
  "\"onmouseover=\"alert(5)",
  "'onfocus='alert(6)' autofocus='",
  "&lt;b&gt;&amp;#60;",
  "<style>*{display:none}</style>",
  "<meta http-equiv=refresh content=0;url=http://example.com/>",
  "<base href=http://example.com/><link rel=stylesheet href=http://example.com/x.css>",
  "<svg onload=alert(7)><iframe src=http://example.com/></svg>",
  "]]>{{7*7}}${7*7}",
  "=HYPERLINK(\"http://example.com/\",\"x\")",
  "+1+1", "-1+1", "@SUM(1)", "\t=1+1", "\r\n=1+1", "a;=1+1",
  "abc\u202edcba\u202c\u200f\u2066x",
  "\u05e9\u05dc\u05d5\u05dd (a right-to-left text) 123",
  "a\u0000b\u001b[31mc\u0085d\u2028e",
  "W".repeat(10_000),
  "\ud83d\udc69\u200d\ud83d\udcbb Mu\u00f1oz \u5c71\u7530",
  "e" + "\u0301".repeat(500),
];

const job = (id, status, rows, processed) => ({
  jobId: id,
  status,
  totalRows: rows.length,
  processedRows: processed,
  successCount: rows.slice(0, processed).filter((row) => row.status === "SUCCESS").length,
  errorCount: rows.slice(0, processed).filter((row) => row.status === "ERROR").length,
  results: status === "COMPLETED" ? rows : [],
  createdAt: "2024-01-15T10:30:00.000Z",
  updatedAt: "2024-01-15T10:35:00.000Z",
});

const row = (number, error, reference) => {
  const link = {rowNumber: number, externalId: reference};
  return error === undefined
    ? {rowNumber: number, status: "SUCCESS", accountId: `account-${number}`, originalRowData: link}
    : {rowNumber: number, status: "ERROR", error, originalRowData: link};
};

const REASONS = ["Invalid bank code", "User is under age", "Account already exists for this user", "Invalid document"];

const JOBS = {
  hostile: HOSTILE.map((text, index) => row(index + 2, text, `${index}:${text}`)).concat(row(100, undefined, "good")),
  large: Array.from({length: 5_000}, (_, index) => {
    const person = String(index * 7919 % 5_000).padStart(4, "0");
    return row(index + 2, `${REASONS[index % 7 % 4]} (${index % 13})`, `person-${person}`);
  }),
  good: [row(2, undefined, "a"), row(3, undefined, "b")],
};

// Starts the server. Each job is polled as pending, running, unavailable and running before it is complete.
export async function start() {
  const polls = {};
  const leaks = [];
  const server = createServer((request, response) => {
    const id = request.url.split("/").pop();
    const [name, mode] = id.split("-");
    const rows = JOBS[name];
    if (!rows) leaks.push(request.url);
    if (!rows) return response.end();
    const poll = polls[id] = (polls[id] ?? 0) + 1;
    const half = Math.floor(rows.length / 2);
    const states = {
      1: () => job(id, "PENDING", rows, 0),
      2: () => job(id, "PROCESSING", rows, Math.floor(half / 2)),
      3: () => undefined,
      4: () => job(id, "PROCESSING", rows, half),
    };
    let body = mode === "now" ? job(id, "COMPLETED", rows, rows.length)
      : mode === "never" ? job(id, "PROCESSING", rows, half)
        : (states[poll] ?? (() => job(id, "COMPLETED", rows, rows.length)))();
    if (body && name === "hostile") {
      body = {...body, error: HOSTILE.join(" "), "<script>alert(8)</script>": HOSTILE[1]};
    }
    response.writeHead(body ? 200 : 503, {"content-type": "application/json"});
    response.end(JSON.stringify(body ?? {statusCode: 503, message: HOSTILE[0]}));
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {url: `http://127.0.0.1:${server.address().port}`, stop: () => server.close(), leaks: () => leaks};
}

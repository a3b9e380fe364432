// Opens pages that `--report` writes in a headless Chromium: node check.mjs BULKRAIL CHROMIUM DIRECTORY
import assert from "node:assert/strict";
import {execFile, spawn} from "node:child_process";
import {mkdirSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync} from "node:fs";
import {cpus, loadavg} from "node:os";
import {join, resolve} from "node:path";

import {Browser} from "./browser.mjs";
import {HOSTILE, start} from "./provider.mjs";

const [bulkrail, chromium, directory] = process.argv.slice(2).map((path) => resolve(path));
const downloads = join(directory, "downloads");
mkdirSync(downloads, {recursive: true});
const file = (name) => join(directory, name);

// One second for 5,000 rows.
const MAX_OPEN = 1_000;
const PHONE = 360;

const provider = await start();
const state = file("state");
rmSync(state, {recursive: true, force: true});

// Runs the command, which must end with this code.
function command(code, ...args) {
  const env = {KILLB_ACCESS_TOKEN: "token", XDG_STATE_HOME: state, PATH: process.env.PATH};
  return new Promise((done, fail) => {
    execFile(bulkrail, args, {env, maxBuffer: 1 << 28}, (error, stdout, stderr) => {
      const found = error ? error.code : 0;
      if (found !== code) fail(new Error(`bulkrail ${args.join(" ")}: exit code ${found}\n${stderr}`));
      else done({stdout, stderr});
    });
  });
}
const killb = ["--base-url", provider.url];
const quick = ["--interval", "20ms..60ms", "--no-history"];

// Runs the command at the sandbox.
async function atSandbox(code, ...args) {
  const sandbox = spawn(bulkrail, ["sandbox", "--speed", "60", "--seed", "1"], {stdio: ["ignore", "pipe", "ignore"]});
  try {
    let text = "";
    for await (const chunk of sandbox.stdout.setEncoding("utf8")) {
      text += chunk;
      if (text.includes("LOCALPAYMENT_BASE_URL") && text.endsWith("\n")) break;
    }
    const variables = text.matchAll(/^export (\w+)=(?:'(.*)'|(.*))$/gm);
    const env = {XDG_STATE_HOME: state, PATH: process.env.PATH};
    for (const [, name, quoted, plain] of variables) env[name] = quoted ?? plain;
    await new Promise((done, fail) => {
      execFile(bulkrail, args, {env}, (error, _, stderr) =>
        (error ? error.code : 0) === code ? done() : fail(new Error(`bulkrail ${args.join(" ")}: ${stderr}`)));
    });
  } finally {
    sandbox.kill();
  }
}

let passed = 0;
async function test(name, body) {
  try {
    await body();
  } catch (error) {
    console.log(`FAILED  ${name}`);
    throw error;
  }
  passed += 1;
  console.log(`ok      ${name}`);
}

// The rows of `rows --format csv` that did not succeed, as lines.
const unsuccessful = (csv) => csv.trimEnd().split("\n").filter((line) => !/,succeeded,/.test(line));

const browser = await Browser.start(chromium);
console.log(browser.version);
await browser.send("Browser.setDownloadBehavior", {behavior: "allow", downloadPath: downloads, eventsEnabled: true});
let page;

// Opens a page in a new tab, which must do nothing but show itself.
async function opened(name, body, width = 1280) {
  page = await browser.page();
  await page.media("screen");
  await page.size(width, 900);
  await page.open(file(name));
  await body();
  assert.deepEqual(page.violations, [], name);
  await page.close();
}

async function download() {
  for (const old of readdirSync(downloads)) rmSync(join(downloads, old));
  const done = browser.event("Browser.downloadProgress", ({state}) => state === "completed");
  const begun = browser.event("Browser.downloadWillBegin");
  await page.run(() => document.querySelector("[data-rows] .controls button").click());
  const {suggestedFilename} = await begun;
  await done;
  const [saved] = readdirSync(downloads);
  return {name: suggestedFilename, bytes: readFileSync(join(downloads, saved))};
}

const shown = () => page.run(() => [...document.querySelectorAll("table.rows tbody tr:not([hidden])")].map((row) =>
  [...row.cells].map((cell) => cell.textContent)));
const status = () => page.run(() => document.querySelector("[role=status]").textContent);
const scroll = () => page.run(() => document.documentElement.scrollWidth);
const settled = () => new Promise((done) => setTimeout(done, 300));

async function filter(text) {
  await page.run(() => { const input = document.querySelector("input"); input.value = ""; input.focus(); });
  await page.type(text);
  await settled();
}

async function pictures(name) {
  for (const scheme of ["light", "dark"]) {
    await page.media("screen", scheme);
    writeFileSync(file(`${name}-${scheme}.png`), await page.screenshot());
  }
  await page.media("screen");
}

// Texts whose colour is too close to that behind them, by WCAG 2 (4.5 to 1).
const faint = () => page.run(() => {
  const channels = (colour) => colour.match(/[\d.]+/g).map(Number);
  const luminance = (colour) => {
    const [r, g, b] = channels(colour).map((value) => value / 255)
      .map((value) => value <= 0.03928 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const colour = getComputedStyle(at).backgroundColor;
      if (channels(colour)[3] !== 0) return colour;
    }
    return "rgb(255, 255, 255)";
  };
  const found = new Set();
  for (const element of document.querySelectorAll("body *:not(script, svg, svg *, title)")) {
    const has = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
    if (!has || !element.checkVisibility()) continue;
    const [a, b] = [getComputedStyle(element).color, behind(element)].map(luminance).sort((a, b) => b - a);
    const name = `${element.tagName}.${element.className}: ${element.textContent.slice(0, 20)}`;
    if ((a + 0.05) / (b + 0.05) < 4.5) found.add(name);
  }
  return [...found].slice(0, 10);
});

try {
  await command(0, "demo", "--speed", "20", "--quiet", "--report", file("demo.html"));
  await command(3, "wait", "killb", "hostile-1", ...killb, ...quick, "--report", file("hostile.html"));
  await command(4, "wait", "killb", "large-1", ...killb, ...quick, "--report", file("large.html"));
  await command(0, "wait", "killb", "good-1", ...killb, ...quick, "--report", file("good.html"));
  const late = ["--deadline", "400ms", "--report", file("late.html")];
  await command(5, "wait", "killb", "good-never", ...killb, ...quick, ...late);
  await atSandbox(3, "run", "killb", "samples/people.csv", ...quick, "--report", file("run.html"));
  const csv = [...killb, "--format", "csv"];
  const hostileCsv = await command(0, "rows", "killb", "hostile-now", ...csv, "--report", file("rows.html"));
  const largeCsv = await command(0, "rows", "killb", "large-now", ...csv);

  await test("each page asks for nothing, and has no error", async () => {
    for (const name of ["demo", "hostile", "large", "good", "late", "run", "rows"]) {
      await opened(`${name}.html`, async () => {
        assert.match(await page.run(() => document.title), /batch/);
        assert.equal(await page.run(() => performance.getEntriesByType("resource").length), 0);
        assert.equal(await page.run(() => document.querySelectorAll("section").length), name === "demo" ? 5 : 1);
      });
    }
  });

  await test("the policy of the page stops what is not its own", async () => {
    await opened("good.html", async () => {
      const refused = await page.run(async (url) => {
        const found = [];
        document.addEventListener("securitypolicyviolation", (event) => found.push(event.effectiveDirective));
        const script = document.createElement("script");
        try { script.textContent = "window.ran = 1"; } catch { found.push("trusted-types"); }
        const style = document.createElement("style");
        style.textContent = "body {display: none}";
        document.head.append(style);
        await fetch(`${url}/leak-1`).catch(() => {});
        const image = new Image();
        image.src = `${url}/leak-2`;
        await new Promise((done) => setTimeout(done, 300));
        return {found, ran: window.ran, shown: getComputedStyle(document.body).display};
      }, provider.url);
      for (const part of ["trusted-types", "style-src-elem", "connect-src", "img-src"]) {
        assert.ok(refused.found.includes(part), `${part}: ${refused.found}`);
      }
      assert.deepEqual([refused.ran, refused.shown], [undefined, "block"]);
      assert.deepEqual(provider.leaks(), []);
      page.violations = [];
    });
  });

  await test("hostile texts stay text", async () => {
    for (const name of ["hostile.html", "rows.html"]) {
      await opened(name, async () => {
        const elements = await page.run(() => ({
          scripts: document.scripts.length,
          others: document.querySelectorAll("img, iframe, object, embed, link, base, form, audio, video, area").length,
          metas: document.querySelectorAll("meta").length,
          styles: document.querySelectorAll("style").length,
          handlers: [...document.querySelectorAll("*")].flatMap((element) => element.getAttributeNames())
            .filter((attribute) => attribute.startsWith("on") || attribute === "style").length,
          links: [...document.links].filter((link) => !link.getAttribute("href").startsWith("#")).length,
          rows: document.querySelectorAll("table.rows tbody tr").length,
        }));
        assert.deepEqual(elements,
          {scripts: 2, others: 0, metas: 5, styles: 1, handlers: 0, links: 0, rows: HOSTILE.length});
        const texts = (await shown()).map((cells) => cells.at(-1));
        for (const text of HOSTILE.slice(0, 20)) {
          assert.ok(texts.includes(text.replace(/[\t\r\n]/g, " ").trim()), text);
        }
        const all = await page.run(() => document.body.innerText);
        assert.doesNotMatch(all, /[\u202a-\u202e\u2066-\u2069\u200f\u2028\u0000\u001b]/, "shown as its code");
      });
    }
  });

  await test("the download is what rows prints, and no spreadsheet runs it", async () => {
    await opened("hostile.html", async () => {
      const {name, bytes} = await download();
      assert.equal(name, "killb-hostile-1-unsuccessful.csv");
      assert.deepEqual([...bytes.subarray(0, 3)], [0xef, 0xbb, 0xbf]);
      const text = bytes.toString("utf8").slice(1);
      assert.deepEqual(text.trimEnd().split("\n"), unsuccessful(hostileCsv.stdout));
      for (const cell of text.match(/"(?:[^"]|"")*"|[^,\n]+/g)) {
        assert.doesNotMatch(cell.replace(/^"/, "").trimStart(), /^[=+\-@]/, cell.slice(0, 40));
      }
    });
  });

  await test("rows are filtered by text and outcome", async () => {
    await opened("large.html", async () => {
      assert.equal(await status(), "5,000 rows");
      await filter("UNDER AGE (7)");
      const rows = await shown();
      assert.ok(rows.length > 50 && rows.every((cells) => cells.at(-1) === "User is under age (7)"), `${rows.length}`);
      assert.equal(await status(), `${rows.length} of 5,000 rows`);
      const {bytes} = await download();
      assert.equal(bytes.toString("utf8").trimEnd().split("\n").length, rows.length + 1, "the rows that are shown");
      await filter("such a text is not there");
      assert.equal(await status(), "0 of 5,000 rows");
      assert.equal(await page.run(() => document.querySelector("[data-rows] .controls button").disabled), true);
      await page.run(() => { document.querySelector("input").value = ""; });
      const choose = (value) => page.run((value) => {
        const select = document.querySelector("select");
        select.value = value;
        select.dispatchEvent(new Event("change"));
      }, value);
      await choose("unaccounted");
      assert.equal(await status(), "0 of 5,000 rows");
      await choose("failed");
      assert.equal(await status(), "5,000 rows");
      await page.run(() => document.querySelector(".reasons button").click());
      const label = await page.run(() => document.querySelector(".reasons button").textContent);
      assert.ok((await shown()).every((cells) => cells.at(-1) === label));
    });
  });

  await test("rows are sorted by each column, both ways", async () => {
    await opened("large.html", async () => {
      const columns = await page.run(() =>
        [...document.querySelectorAll("table.rows th")].map((cell) => cell.textContent));
      assert.deepEqual(columns, ["row", "reference", "outcome", "reason"]);
      const collator = new Intl.Collator("en", {numeric: true, sensitivity: "base"});
      for (const [index, column] of columns.entries()) {
        for (const sign of [1, -1]) {
          const sorted = await page.run((index) => {
            document.querySelectorAll("table.rows th button")[index].click();
            return [...document.querySelectorAll("table.rows th")].map((cell) => cell.getAttribute("aria-sort"));
          }, index);
          const direction = sign > 0 ? "ascending" : "descending";
          assert.deepEqual(sorted, columns.map((other) => other === column ? direction : "none"));
          const cells = (await shown()).map((cells) => cells[index]);
          assert.equal(cells.length, 5_000);
          for (let at = 1; at < cells.length; at += 1) {
            const [before, after] = [cells[at - 1], cells[at]];
            assert.ok(sign * collator.compare(before, after) <= 0, `${column}: ${before}, ${after}`);
          }
        }
      }
      const {bytes} = await download();
      const lines = bytes.toString("utf8").slice(1).trimEnd().split("\n");
      assert.deepEqual([...lines].sort(), unsuccessful(largeCsv.stdout).sort());
      const reasons = lines.slice(1).map((line) => line.split(",").at(-1).replace(/^"|"$/g, ""));
      assert.equal(collator.compare(reasons[0], reasons.at(-1)) > 0, true, "the download has the order of the table");
    });
  });

  await test("5,000 rows open in under a second", async () => {
    const times = [];
    const busy = [];
    const steps = [];
    for (let run = 0; run < 5; run += 1) {
      page = await browser.page();
      await page.size(1280, 900);
      await page.send("Performance.enable", {timeDomain: "threadTicks"});
      times.push(await page.open(file("large.html")));
      busy.push(await page.processorTime());
      steps.push(await page.run(() => {
        const begin = performance.now();
        document.querySelectorAll("table.rows th button")[3].click();
        document.body.offsetHeight;
        const sorted = performance.now();
        const input = document.querySelector("input");
        input.value = "bank";
        input.dispatchEvent(new Event("input"));
        return sorted - begin;
      }));
      await page.close();
    }
    const fastest = (values) => Math.round(Math.min(...values));
    const size = (statSync(file("large.html")).size / 1e6).toFixed(1);
    console.log(`        ${size} MB, open in ${fastest(times)} ms, of which ${fastest(busy)} ms on the processor; ` +
      `sorted in ${fastest(steps)} ms`);
    // The fastest of five, and only the processor's time where other processes take turns with it.
    assert.ok(fastest(busy) < MAX_OPEN, `${busy}`);
    if (loadavg()[0] < cpus().length) {
      assert.ok(fastest(times) < MAX_OPEN, `${times}`);
      assert.ok(fastest(steps) < MAX_OPEN, `${steps}`);
    }
  });

  await test("the page is used by keyboard alone", async () => {
    await opened("run.html", async () => {
      const focused = () => page.run(() => {
        const element = document.activeElement;
        const style = getComputedStyle(element);
        const name = element.textContent || element.closest("label")?.textContent || "";
        return {tag: element.tagName, text: name.trim(), outline: style.outlineStyle !== "none"};
      });
      const order = [];
      for (let step = 0; step < 40; step += 1) {
        await page.press("Tab");
        const {tag, text, outline} = await focused();
        if (tag === "BODY") break;
        assert.ok(outline, `the focus on ${tag} ${text} is seen`);
        order.push(`${tag} ${text}`);
      }
      const position = (wanted) => {
        const index = order.findIndex((entry) => entry.startsWith(wanted));
        assert.notEqual(index, -1, `${wanted} in ${order.join(", ")}`);
        return index;
      };
      const expected = ["A Skip", "INPUT Filter", "SELECT all", "BUTTON Download", "BUTTON row", "BUTTON reference",
        "BUTTON outcome", "BUTTON reason", "SUMMARY Polls"];
      const positions = expected.map(position);
      assert.deepEqual(positions, [...positions].sort((a, b) => a - b), order.join(", "));
      for (const key of ["Enter", " "]) {
        await page.run(() => document.querySelectorAll("table.rows th button")[1].focus());
        await page.press(key);
      }
      const sorted = await page.run(() => document.querySelectorAll("table.rows th")[1].getAttribute("aria-sort"));
      assert.equal(sorted, "descending");
      assert.equal(await page.run(() => document.activeElement.textContent), "reference", "sorting keeps the focus");
    });
  });

  await test("a screen reader finds names, headings and tables", async () => {
    await opened("demo.html", async () => {
      await page.send("Accessibility.enable");
      const {nodes} = await page.send("Accessibility.getFullAXTree");
      const of = (role) => nodes.filter((node) => !node.ignored && node.role?.value === role);
      const names = (role) => of(role).map((node) => node.name?.value ?? "");
      for (const role of ["button", "searchbox", "combobox", "image", "link", "region", "heading"]) {
        assert.ok(names(role).length > 0, role);
        assert.ok(names(role).every((name) => name.trim() !== ""), `each ${role} has a name: ${names(role)}`);
      }
      assert.ok(names("image").some((name) => /53 succeeded, 7 failed/.test(name)), names("image").join("; "));
      assert.ok(names("image").some((name) => /Progress against time: \d+ polls/.test(name)));
      assert.ok(of("table").length >= 3 && of("columnheader").length > 12);
      assert.ok(of("status").length > 0 && of("main").length === 1 && of("contentinfo").length === 1);
      const levels = of("heading").map((node) => node.properties.find(({name}) => name === "level").value.value);
      assert.equal(levels[0], 1);
      assert.ok(levels.every((level, index) => index === 0 || level <= levels[index - 1] + 1), `${levels}`);
    });
    await opened("large.html", async () => {
      const roles = await page.run(() => [...document.querySelectorAll("table.rows :is(thead, tbody, th)")]
        .map((part) => part.getAttribute("role")));
      assert.ok(roles.includes("columnheader") && roles.includes("rowgroup"), "cards stay a table");
    }, PHONE);
  });

  await test("texts are readable in light and dark, and in print", async () => {
    for (const name of ["demo", "hostile", "late", "run"]) {
      await opened(`${name}.html`, async () => {
        for (const [media, scheme] of [["screen", "light"], ["screen", "dark"], ["print", "dark"]]) {
          await page.media(media, scheme);
          assert.deepEqual(await faint(), [], `${name} ${media} ${scheme}`);
          const ground = await page.run(() => getComputedStyle(document.body).backgroundColor);
          const [red] = ground.match(/\d+/g);
          assert.equal(red < 60, media === "screen" && scheme === "dark", ground);
        }
        await pictures(name);
      });
    }
  });

  await test("the page prints", async () => {
    for (const name of ["demo", "hostile", "run"]) {
      await opened(`${name}.html`, async () => {
        // Emulated media would be printed, too.
        await page.media("");
        const pdf = await page.pdf();
        assert.equal(pdf.subarray(0, 5).toString(), "%PDF-");
        assert.ok(pdf.length > 10_000, `${pdf.length} bytes`);
        writeFileSync(file(`${name}.pdf`), pdf);
        await page.media("print");
        assert.equal(await page.run(() => document.querySelector(".controls").checkVisibility()), false);
        assert.equal(await page.run(() => document.querySelector("table.rows tbody tr").checkVisibility()), true);
      });
    }
  });

  await test("a phone of 360 pixels does not scroll sideways", async () => {
    for (const name of ["demo", "hostile", "large", "late", "run", "rows"]) {
      await opened(`${name}.html`, async () => {
        await page.size(PHONE, 740, 2, true);
        await settled();
        assert.ok(await scroll() <= PHONE, `${name}: ${await scroll()} pixels`);
        if (name !== "large") writeFileSync(file(`${name}-phone.png`), await page.screenshot());
        const small = await page.run(() => [...document.querySelectorAll("button, input, select")]
          .filter((control) => control.checkVisibility() && control.getBoundingClientRect().height < 24)
          .map((control) => control.textContent));
        assert.deepEqual(small, [], "each control is large enough for a finger");
      }, PHONE);
    }
  });

  await test("everything is there without the script", async () => {
    page = await browser.page();
    await page.send("Emulation.setScriptExecutionDisabled", {value: true});
    await page.send("Fetch.disable");
    const loaded = browser.event("Page.loadEventFired");
    await page.send("Page.navigate", {url: `file://${file("run.html")}`});
    await loaded;
    await page.send("Emulation.setScriptExecutionDisabled", {value: false});
    const rows = await shown();
    const lines = await page.run(() =>
      JSON.parse(document.querySelector("[data-rows] script").textContent).lines.length);
    assert.ok(lines > 0 && rows.length === lines, `${rows.length} rows`);
    assert.equal(await page.run(() => document.querySelector(".controls").checkVisibility()), false);
    assert.equal(await page.run(() => document.querySelectorAll("table.rows th button").length), 0);
    await page.close();
  });

  assert.deepEqual(provider.leaks(), []);
  if (process.env.REPORT_SCREENSHOT) {
    await opened("demo.html", async () => {
      await page.size(1000, 900);
      // The first batch, up to its progress.
      const clip = await page.run(() => {
        const section = document.querySelector("#batch-1");
        const top = section.getBoundingClientRect().top + scrollY - 12;
        const end = section.querySelector("details").getBoundingClientRect().top + scrollY;
        return {x: 0, y: top, width: 1000, height: end - top};
      });
      writeFileSync(process.env.REPORT_SCREENSHOT, await page.screenshot(clip));
    });
  }
  console.log(`${passed} checks of report pages passed`);
} finally {
  await browser.stop();
  provider.stop();
}

// A headless Chromium, driven by the DevTools protocol over a pipe. Needs no package.
import {spawn} from "node:child_process";
import {once} from "node:events";
import {mkdtempSync, rmSync} from "node:fs";
import {tmpdir} from "node:os";
import {join} from "node:path";
import {pathToFileURL} from "node:url";

// A minute: a loaded machine may take half of it to start the browser.
const TIMEOUT = 60_000;

export class Browser {
  #next = 1;
  #pending = new Map();
  #listeners = new Set();

  static async start(executable) {
    const browser = new Browser();
    browser.profile = mkdtempSync(join(tmpdir(), "bulkrail-chromium-"));
    const flags = [
      "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--remote-debugging-pipe",
      "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync",
      "--disable-extensions", "--hide-scrollbars", "--lang=en", `--user-data-dir=${browser.profile}`, "about:blank",
    ];
    browser.process = spawn(executable, flags, {stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"]});
    browser.process.on("exit", () => {
      for (const {reject} of browser.#pending.values()) reject(new Error("the browser ended"));
    });
    let text = "";
    browser.process.stdio[4].setEncoding("utf8").on("data", (chunk) => {
      text += chunk;
      const messages = text.split("\0");
      text = messages.pop();
      for (const message of messages) browser.#receive(JSON.parse(message));
    });
    await browser.send("Browser.getVersion").then(({product}) => { browser.version = product; });
    return browser;
  }

  #receive({id, result, error, method, params, sessionId}) {
    if (id === undefined) {
      for (const listener of [...this.#listeners]) listener(method, params, sessionId);
      return;
    }
    const {resolve, reject, name} = this.#pending.get(id);
    this.#pending.delete(id);
    if (error) reject(new Error(`${name}: ${error.message}`));
    else resolve(result);
  }

  send(name, params = {}, sessionId = undefined) {
    const id = this.#next++;
    this.process.stdio[3].write(`${JSON.stringify({id, method: name, params, sessionId})}\0`);
    return within(name, new Promise((resolve, reject) => this.#pending.set(id, {resolve, reject, name})));
  }

  listen(listener) {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  // Resolves with the parameters of the next event that fits.
  event(name, fits = () => true) {
    return within(name, new Promise((resolve) => {
      const stop = this.listen((method, params, sessionId) => {
        if (method !== name || !fits(params, sessionId)) return;
        stop();
        resolve(params);
      });
    }));
  }

  async page() {
    const {targetId} = await this.send("Target.createTarget", {url: "about:blank"});
    const {sessionId} = await this.send("Target.attachToTarget", {targetId, flatten: true});
    return Page.attach(this, sessionId, targetId);
  }

  async stop() {
    const ended = once(this.process, "exit");
    this.send("Browser.close").catch(() => {});
    await ended;
    rmSync(this.profile, {recursive: true, force: true, maxRetries: 5});
  }
}

export class Page {
  // Everything that a page must not do, in words.
  violations = [];

  static async attach(browser, session, target) {
    const page = Object.assign(new Page(), {browser, session, target});
    browser.listen((method, params, sessionId) => {
      if (sessionId === session) page.#observe(method, params);
    });
    for (const domain of ["Page", "Runtime", "Log", "Network"]) await page.send(`${domain}.enable`);
    await page.send("Fetch.enable", {patterns: [{urlPattern: "*"}]});
    return page;
  }

  #observe(method, params) {
    const violation = (text) => this.violations.push(text);
    if (method === "Fetch.requestPaused") {
      const {requestId, request} = params;
      if (request.url === this.url || request.url.startsWith("blob:null/")) {
        this.send("Fetch.continueRequest", {requestId}).catch(() => {});
      } else {
        violation(`a request for ${request.url}`);
        this.send("Fetch.failRequest", {requestId, errorReason: "BlockedByClient"}).catch(() => {});
      }
    } else if (method === "Network.requestWillBeSent") {
      if (params.request.url !== this.url && !params.request.url.startsWith("blob:null/")) {
        violation(`sends a request for ${params.request.url}`);
      }
    } else if (method === "Network.webSocketCreated") violation(`a web socket to ${params.url}`);
    else if (method === "Runtime.exceptionThrown") violation(`an exception: ${params.exceptionDetails.text}`);
    else if (method === "Runtime.consoleAPICalled") violation(`console.${params.type}`);
    else if (method === "Log.entryAdded") violation(`${params.entry.level}: ${params.entry.text}`);
    else if (method === "Page.javascriptDialogOpening") violation(`a dialog: ${params.message}`);
    else if (method === "Page.windowOpen") violation(`a window: ${params.url}`);
    else if (method === "Page.frameRequestedNavigation") violation(`goes to ${params.url}`);
  }

  send(name, params) {
    return this.browser.send(name, params, this.session);
  }

  // Returns the milliseconds of processor time that the page took.
  async processorTime() {
    const {metrics} = await this.send("Performance.getMetrics");
    return metrics.find(({name}) => name === "TaskDuration").value * 1_000;
  }

  // Opens a file and returns the milliseconds until it is loaded and painted.
  async open(file) {
    this.url = pathToFileURL(file).href;
    const loaded = this.browser.event("Page.loadEventFired", (_, session) => session === this.session);
    await this.send("Page.navigate", {url: this.url});
    await loaded;
    return this.run(() => new Promise((done) => {
      const end = () => performance.now();
      requestAnimationFrame(() => requestAnimationFrame(() => done(end())));
    }));
  }

  // Runs a function in the page.
  async run(body, ...args) {
    const expression = `(${body})(...${JSON.stringify(args)})`;
    const {result, exceptionDetails} =
      await this.send("Runtime.evaluate", {expression, awaitPromise: true, returnByValue: true});
    if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
    return result.value;
  }

  async press(key, modifiers = 0) {
    const codes = {Tab: 9, Enter: 13, " ": 32, ArrowDown: 40};
    const text = {Enter: "\r", " ": " "}[key];
    const common = {key, code: key === " " ? "Space" : key, windowsVirtualKeyCode: codes[key], modifiers};
    await this.send("Input.dispatchKeyEvent", {type: text ? "keyDown" : "rawKeyDown", text, ...common});
    await this.send("Input.dispatchKeyEvent", {type: "keyUp", ...common});
  }

  async type(text) {
    await this.send("Input.insertText", {text});
  }

  async media(media, scheme = "light") {
    const features = [{name: "prefers-color-scheme", value: scheme}];
    await this.send("Emulation.setEmulatedMedia", {media, features});
  }

  async size(width, height, scale = 1, mobile = false) {
    await this.send("Emulation.setDeviceMetricsOverride", {width, height, deviceScaleFactor: scale, mobile});
  }

  async screenshot(clip = undefined) {
    const part = clip ? {clip: {scale: 1, ...clip}} : {};
    const {data} = await this.send("Page.captureScreenshot", {format: "png", captureBeyondViewport: true, ...part});
    return Buffer.from(data, "base64");
  }

  async pdf() {
    const {data} = await this.send("Page.printToPDF", {printBackground: false, preferCSSPageSize: true});
    return Buffer.from(data, "base64");
  }

  async close() {
    await this.browser.send("Target.closeTarget", {targetId: this.target});
  }
}

function within(name, promise) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${name} takes more than ${TIMEOUT / 1000} s`)), TIMEOUT);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

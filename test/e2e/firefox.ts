/** A Firefox, driven by WebDriver BiDi, which Playwright speaks with newer ones only. */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Answer, startBrowser, Wire } from "./wire.ts";

const { CATGAN_FIREFOX: asked } = process.env;
const installed = ["/usr/bin/firefox-esr", "/usr/bin/firefox"].find((path) => existsSync(path));
/** Where it is; CATGAN_FIREFOX: a path; `none`: undefined, as where there is none. */
export const firefox = asked === "none" ? undefined : (asked ?? installed);
// Playwright's workers load its configuration, and this, once more each.
if (!firefox && process.env.TEST_WORKER_INDEX === undefined) {
  console.warn(
    `NOT TESTED in Firefox: ${asked === "none" ? "CATGAN_FIREFOX is none" : "there is none on this machine"}`,
  );
}

const preferences = {
  "dom.webgpu.enabled": true,
  // Lavapipe is a software adapter.
  "gfx.webgpu.ignore-blocklist": true,
  "gfx.webgpu.force-enabled": true,
  // It has nobody to ask and nothing to fetch.
  "app.update.enabled": false,
  "browser.shell.checkDefaultBrowser": false,
  "datareporting.policy.dataSubmissionEnabled": false,
};
/** The first WebGPU in a release of Firefox. */
const oldest = 141;

export interface Firefox {
  wire: Wire;
  /** The tab. */
  context: string;
  /** What must not happen: errors on the console, requests to other hosts. */
  problems: string[];
  /** @returns a remote value: what an expression gives */
  evaluate(expression: string): Promise<Answer>;
  close(): Promise<void>;
}

/** @param home where the site is: requests to other hosts are problems */
export async function launchFirefox(home: string): Promise<Firefox> {
  const problems: string[] = [];
  const profile = mkdtempSync(join(tmpdir(), "catgan-e2e-firefox-"));
  const lines = Object.entries(preferences).map(([key, value]) => `user_pref("${key}", ${value});`);
  writeFileSync(join(profile, "user.js"), lines.join("\n"));
  const args = ["--headless", "--no-remote", "--remote-debugging-port=0", "--profile", profile, "about:blank"];
  const { child, url } = await startBrowser(firefox!, args, /WebDriver BiDi listening on (ws:\S+)/);
  let wire: Wire | undefined;
  const close = async () => {
    wire?.close();
    const ended = new Promise((resolve) => child.once("exit", resolve));
    child.kill();
    await ended;
    rmSync(profile, { recursive: true, force: true, maxRetries: 10, retryDelay: 200 });
  };
  try {
    wire = await openWire(url, home, problems);
    const [{ context }] = (await wire.send("browsingContext.getTree")).contexts;
    return { wire, context, problems, evaluate: (expression) => evaluate(wire!, context, expression), close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function openWire(url: string, home: string, problems: string[]): Promise<Wire> {
  const wire = await Wire.open(`${url}/session`, (method, { level, text, request }) => {
    if (method === "log.entryAdded" && level === "error") problems.push(`console: ${text}`);
    if (method === "network.beforeRequestSent" && /^https?:/.test(request.url) && !request.url.startsWith(home)) {
      problems.push(`outside request: ${request.url}`);
    }
  });
  const { capabilities } = await wire.send("session.new", { capabilities: {} });
  const version = Number.parseInt(capabilities.browserVersion, 10);
  if (version < oldest) {
    throw new Error(
      `Firefox ${version} has no WebGPU: apt-get update && apt-get install firefox-esr mesa-vulkan-drivers brings a newer one`,
    );
  }
  await wire.send("session.subscribe", { events: ["log.entryAdded", "network.beforeRequestSent"] });
  return wire;
}

async function evaluate(wire: Wire, context: string, expression: string): Promise<Answer> {
  const { result, exceptionDetails } = await wire.send("script.evaluate", {
    expression,
    target: { context },
    awaitPromise: true,
  });
  if (exceptionDetails) throw new Error(exceptionDetails.text);
  return result;
}

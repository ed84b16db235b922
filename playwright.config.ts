import { defineConfig } from "@playwright/test";
import { findChromium } from "./test/e2e/chromium.ts";
import { firefox } from "./test/e2e/firefox.ts";

const site = "http://127.0.0.1:4700/";
const { path, args, env } = findChromium();
/** A busy machine with two cores is slow; what hangs, hangs longer than this. */
const patience = 240_000;

/**
 * Tests of the built page in real browsers. They share the machine's few cores with what they watch, so one runs after
 * the other. Firefox is the system's own, driven without Playwright (test/e2e/firefox.ts).
 */
export default defineConfig({
  testDir: "test/e2e",
  testMatch: "*.e2e.ts",
  workers: 1,
  // Browsers crash and stall now and then by themselves. A test that passes only the second time is reported as flaky.
  retries: 1,
  timeout: 900_000,
  expect: { timeout: patience },
  reporter: [["list"], ["html", { open: "never" }]],
  webServer: {
    command: "npm run -s build:site && npx vite preview --host 127.0.0.1 --port 4700 --strictPort",
    url: site,
    timeout: patience,
  },
  use: {
    baseURL: site,
    viewport: { width: 1280, height: 900 },
    actionTimeout: patience,
    navigationTimeout: patience,
    trace: "on-first-retry",
    launchOptions: { executablePath: path, args, env },
  },
  projects: [
    { name: "chromium", testIgnore: "firefox.e2e.ts" },
    ...(firefox ? [{ name: "firefox", testMatch: ["firefox.e2e.ts", "decoding.e2e.ts"] }] : []),
  ],
});

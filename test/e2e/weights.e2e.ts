import { existsSync } from "node:fs";
import { expect, test } from "vitest";
import { eventually, useBrowser } from "./visit.ts";

const browser = useBrowser();

test.skipIf(!existsSync("weights/cats64.safetensors"))(
  "trained cats are drawn at once, with their credit",
  async () => {
    const visitor = await browser.visitor();
    const visit = await visitor.open("test");
    const fetched: string[] = [];
    visitor.context.on("request", (request) => fetched.push(request.url()));
    await visit.button("Draw trained cats").click();
    await visit.page.locator(".draw-room").waitFor();
    await eventually(() => visit.page.locator(".draw-wall >> nth=0 >> canvas").last().getAttribute("width")).not.toBe(
      "1",
    );
    expect(fetched.filter((url) => url.endsWith(".safetensors"))).toHaveLength(1);
    await visit.page.getByText(/^Trained cats, after [\d,]+ steps, .*\. \S/).waitFor();
  },
);

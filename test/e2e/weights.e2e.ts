import { existsSync } from "node:fs";
import { expect, test } from "./training_page.ts";

test("trained cats are drawn at once, with their credit", async ({ visit, page }) => {
  test.skip(!existsSync("weights/cats64.safetensors"), "no trained weights in this checkout");
  const fetched: string[] = [];
  page.on("request", (request) => fetched.push(request.url()));
  await visit.open("test");
  await visit.button("Draw trained cats").click();
  await expect(visit.drawRoom).toBeVisible();
  await expect(page.locator(".draw-wall >> nth=0 >> canvas").last()).not.toHaveAttribute("width", "1");
  expect(fetched.filter((url) => url.endsWith(".safetensors"))).toHaveLength(1);
  await expect(page.getByText(/^Trained cats, after [\d,]+ steps, .*\. \S/)).toBeVisible();
});

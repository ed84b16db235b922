import { eventually, expect, smallest, TrainingPage, test } from "./training_page.ts";

test("two tabs: the second watches the run that the first one trains, cannot delete it, and takes it over", async ({
  visit: first,
  context,
}) => {
  await first.start(`${smallest}&steps=100000&sampleEvery=200`);
  await first.reaches(5);
  const second = new TrainingPage(await context.newPage());

  await test.step("the second tab says that another one trains, and watches it", async () => {
    await second.open(smallest);
    await second.says(/Another tab of this page is training/);
    await expect(second.startButton).toBeDisabled();
    await second.button("Watch it here").click();
    await second.says(/You are watching another tab's run/);
    await second.trains(50);
    await eventually(() => second.drawnStep()).not.toBeNull();
    await expect(second.phase).toHaveText("training, in another tab");
    await expect(second.button("Pause")).toBeDisabled();
  });

  await test.step("it cannot delete the run", async () => {
    await second.button("Delete Tiny cats").click();
    await second.button("Delete", second.dialog).click();
    await second.says(/another tab has this run open: stop it there, then delete it/);
    await second.trains(5);
    await expect(second.run("Tiny cats")).toHaveCount(1);
  });

  await test.step("it takes over, without a step lost, and the first tab says so", async () => {
    const before = await first.step();
    await second.button("Take over").click();
    await second.reaches(before + 50);
    await expect(second.phase).toHaveText("training");
    await first.says(/Another tab of this page is training/);
    await second.button("Stop").click();
    await expect(first.notices).toHaveCount(0);
    await expect(first.startButton).toBeEnabled();
  });
});

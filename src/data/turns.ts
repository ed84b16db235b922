/**
 * Long synchronous work blocks signals, messages and progress lines. A loop that awaits the returned function after each
 * piece lets them have their turn every 50 ms.
 *
 * @returns a function that resolves to whether it took a break
 */
export function turns(): () => Promise<boolean> {
  let last = performance.now();
  return async () => {
    if (performance.now() - last < 50) return false;
    await new Promise((resolve) => setTimeout(resolve));
    last = performance.now();
    return true;
  };
}

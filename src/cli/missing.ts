/** null where there is no such file. Any other error stays one: it does not say that nothing is there. */
export async function nullIfMissing<T>(found: Promise<T>): Promise<T | null> {
  return await found.catch((error) => {
    if (error.code === "ENOENT") return null;
    throw error;
  });
}

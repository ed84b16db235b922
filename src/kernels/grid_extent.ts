/** Where the pictures of a grid stand; apart from the kernel, so that nobody needs all shaders to know. */

export const gridGap = 2;

/** Width and height, in pixels, of a grid of n pictures. */
export function gridExtent(n: number, size: number, columns: number): { width: number; height: number } {
  const rows = Math.ceil(n / columns);
  return { width: columns * (size + gridGap) + gridGap, height: rows * (size + gridGap) + gridGap };
}
